//! Classes of sizes and of ages, as small numbers.

use super::Age;

/// Classes of [`size_class`].
pub(crate) const N_SIZES: usize = 64;
/// Classes of [`Ages::class`].
pub(crate) const N_AGES: usize = Age::ALL.len();

const DAY: i64 = 86_400;
/// Ends of all classes of the past but the last, days.
const DAYS: [i64; N_AGES - 2] = [1, 7, 30, 91, 183, 365, 730, 1095, 1826];
/// What [`Ages::is_old`] is older than.
const OLD_DAYS: i64 = 730;
/// The place of `Age::Future`.
const FUTURE: usize = N_AGES - 1;

/// 0 for 0, else one more than the logarithm: 1 for 1, 2 for 2 and 3, 3 for 4 to 7.
#[inline]
pub(crate) fn size_class(bytes: u64) -> usize {
    // Half of all numbers are beyond what a size can be, and share the last class.
    ((u64::BITS - bytes.leading_zeros()) as usize).min(N_SIZES - 1)
}

/// The smallest size of a class, and the smallest that is too large for it.
pub(crate) fn size_bounds(class: usize) -> (u64, u64) {
    (1 << class >> 1, 1 << class)
}

/// Days that are of the same class as all below.
const DAYS_MIN: i64 = -2;
/// Days that are of the same class as all above.
const DAYS_MAX: i64 = DAYS[DAYS.len() - 1];

/// The class of each number of days from `DAYS_MIN` to `DAYS_MAX`: looked up, since nine comparisons
/// for each of two times are a tenth of what is done for a row.
static CLASSES: [u8; (DAYS_MAX - DAYS_MIN + 1) as usize] = classes();

const fn classes() -> [u8; (DAYS_MAX - DAYS_MIN + 1) as usize] {
    let mut classes = [0; (DAYS_MAX - DAYS_MIN + 1) as usize];
    classes[0] = FUTURE as u8;
    let mut place = 1;
    while place < classes.len() {
        let mut class = 0;
        while class < DAYS.len() && place as i64 + DAYS_MIN >= DAYS[class] {
            class += 1;
        }
        classes[place] = class as u8;
        place += 1;
    }
    classes
}

/// What divides times into ages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    as_of: i64,
}

impl Ages {
    /// Ages relative to this time, seconds since the epoch.
    pub(crate) fn new(as_of: i64) -> Ages {
        Ages { as_of }
    }

    /// The place in `Age::ALL` of what happened at `time`.
    #[inline]
    pub(crate) fn class(self, time: i64) -> usize {
        let days = self.as_of.saturating_sub(time).div_euclid(DAY);
        CLASSES[(days.clamp(DAYS_MIN, DAYS_MAX) - DAYS_MIN) as usize].into()
    }

    /// True if it happened two years ago or earlier.
    pub(crate) fn is_old(self, time: i64) -> bool {
        self.as_of.saturating_sub(time) >= OLD_DAYS * DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_class_whose_bounds_are_around_them() {
        for bytes in [0, 1, 2, 3, 4, 7, 8, 4095, 4096, 1 << 40, (1 << 62) - 1, i64::MAX as u64] {
            let (from, to) = size_bounds(size_class(bytes));
            assert!(from <= bytes && bytes < to, "{bytes}");
        }
        assert_eq!([size_bounds(0), size_bounds(1), size_bounds(2)], [(0, 1), (1, 2), (2, 4)]);
    }

    #[test]
    fn an_age_is_the_first_class_that_holds_it() {
        let now = 1_795_183_200;
        let ages = Ages::new(now);
        let cases = [
            (-DAY - 1, Age::Future),
            (-DAY, Age::Today),
            (0, Age::Today),
            (DAY - 1, Age::Today),
            (DAY, Age::Week),
            (7 * DAY, Age::Month),
            (29 * DAY, Age::Month),
            (30 * DAY, Age::Quarter),
            (100 * DAY, Age::HalfYear),
            (183 * DAY, Age::Year1),
            (365 * DAY, Age::Years2),
            (730 * DAY, Age::Years3),
            (1095 * DAY, Age::Years5),
            (1826 * DAY, Age::Older),
            (now, Age::Older),
        ];
        for (seconds, age) in cases {
            assert_eq!(Age::ALL[ages.class(now - seconds)], age, "{seconds}");
            assert_eq!(ages.is_old(now - seconds), seconds >= 730 * DAY);
        }
        assert_eq!(Age::ALL[ages.class(i64::MIN)], Age::Older);
        assert_eq!(Age::ALL[ages.class(i64::MAX)], Age::Future);
    }
}
