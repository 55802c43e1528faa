//! How many workers a walk gets, and why.

use crate::error::Error;
use pwalk_engine::{Argument, FsKind, LEVEL_MAX, Tuning};
use std::ffi::OsString;

/// More threads than this are assumed to be a typing mistake.
pub const THREADS_MAX: usize = 4096;

const THREADS: Argument = Argument::new("threads", "number of threads");
const VARIABLE: Argument = Argument::new("PWALK_THREADS", "PWALK_THREADS");

/// A number of workers and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads {
    /// Worker threads, at least 1.
    pub count: usize,
    /// As many as measuring may make of them.
    pub max: usize,
    /// Cores that the process may use.
    pub n_cores: usize,
    /// Processor time that it can get at once, in thousandths of a core.
    pub n_millicores: usize,
    /// Where the number comes from, in words.
    pub reason: String,
}

/// Cores that a batch system has given, best first.
const BATCH_VARIABLES: [&str; 2] = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"];

impl Threads {
    /// The number for a walk on a filesystem of this kind: what was asked for, else
    /// `PWALK_THREADS`, else what suits the filesystem for the cores that Slurm allocated, else for
    /// those of the affinity mask cut by the cgroup's quota.
    ///
    /// # Errors
    ///
    /// `Argument`, if the number asked for, or `PWALK_THREADS`, isn't from 1 to [`THREADS_MAX`].
    pub fn choose(
        asked: Option<usize>,
        variable: impl Fn(&str) -> Option<OsString>,
        fs: &FsKind,
    ) -> Result<Threads, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let fixed = |count, reason: &str| {
            let n_millicores = n_millicores(None);
            Ok(Threads {
                count,
                max: count,
                n_cores: cores,
                n_millicores,
                reason: reason.to_owned(),
            })
        };
        if let Some(count) = asked {
            return fixed(check(THREADS, &count.to_string())?, "asked for");
        }
        // Empty is as good as unset, as scripts write `PWALK_THREADS= pwalk ...`.
        if let Some(value) = variable(VARIABLE.name).filter(|value| !value.is_empty()) {
            return fixed(check(VARIABLE, &value.to_string_lossy())?, VARIABLE.name);
        }
        let given = BATCH_VARIABLES.iter().find_map(|name| {
            let n =
                variable(name)?.to_str()?.parse().ok().filter(|n| (1..=THREADS_MAX).contains(n))?;
            Some((n, *name))
        });
        let n_millicores = n_millicores(given.map(|(n, _)| n));
        let (n_cores, source) = given.unwrap_or((cores, "affinity mask and cgroup quota"));
        let count = fs.tuning.n_workers(n_cores).min(THREADS_MAX);
        let per_core = describe(&fs.tuning);
        let reason = format!("{n_cores} cores ({source}), {per_core}: {}", fs.reason);
        Ok(Threads { count, max: LEVEL_MAX.max(count), n_cores, n_millicores, reason })
    }

    /// What a user should know of the number: for 20,000 entries at 2 ms a request 512 need 0.6 to
    /// 0.75 s, and 4,096 need 1.6 to 2.5 s.
    pub(crate) fn note(&self) -> Option<String> {
        let Threads { count, reason, .. } = self;
        let text = format!("{count} threads ({reason}): more than {LEVEL_MAX} are rarely faster");
        (*count > LEVEL_MAX).then_some(text)
    }
}

/// What a batch system has given, but no more than the affinity mask and the cgroup's quota allow: a
/// walk that uses all of that is busy.
fn n_millicores(given: Option<usize>) -> usize {
    let quota = pwalk_sys::cpu_quota().map_or(usize::MAX, |quota| (1000.0 * quota) as usize);
    // Without a mask nothing is known, as in a sandbox.
    let allowed = Some(pwalk_sys::allowed_cpus().len()).filter(|&n| n > 0);
    let n = [given, allowed].into_iter().flatten().min().unwrap_or(1);
    (1000 * n).min(quota).max(1)
}

fn describe(tuning: &Tuning) -> String {
    match (tuning.workers_per_core, tuning.workers_min) {
        (0, min) => format!("{min} to begin with"),
        (per_core, _) => format!("{per_core} per core to begin with"),
    }
}

fn check(argument: Argument, value: &str) -> Result<usize, Error> {
    let number = value.parse().ok().filter(|n| (1..=THREADS_MAX).contains(n));
    number.ok_or_else(|| {
        Error::bad(argument, value, format!("must be a whole number from 1 to {THREADS_MAX}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(
        asked: Option<usize>,
        variables: &[(&str, &str)],
        magic: u64,
    ) -> Result<usize, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let threads = Threads::choose(asked, variable, FsKind::detect(magic, None));
        threads.map(|threads| threads.count).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_source_that_is_set_decides() {
        let all =
            [("PWALK_THREADS", "5"), ("SLURM_CPUS_PER_TASK", "7"), ("SLURM_CPUS_ON_NODE", "9")];
        assert_eq!(choose(Some(3), &all, 0), Ok(3));
        assert_eq!(choose(None, &all, 0), Ok(5));
        assert_eq!(choose(None, &all[1..], 0), Ok(7));
        assert_eq!(choose(None, &all[2..], 0), Ok(9));
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(choose(None, &[], 0), Ok(cores));
        assert_eq!(choose(None, &[("PWALK_THREADS", "")], 0), Ok(cores));
        assert_eq!(choose(None, &[("SLURM_CPUS_PER_TASK", "2(x3)")], 0), Ok(cores));
    }

    #[test]
    fn a_network_is_begun_with_a_few_and_measured_unless_a_number_is_asked_for() {
        assert_eq!(choose(None, &[("SLURM_CPUS_PER_TASK", "16")], 0x6969), Ok(8));
        assert_eq!(choose(Some(2), &[], 0x6969), Ok(2));
        let max =
            |asked| Threads::choose(asked, |_| None, FsKind::unknown()).map(|found| found.max);
        assert_eq!((max(Some(2)).unwrap(), max(None).unwrap()), (2, LEVEL_MAX));
    }

    #[test]
    fn a_batch_system_gives_no_more_than_the_mask_allows() {
        let n_millicores = |n| {
            let variable = move |name: &str| {
                (name == "SLURM_CPUS_PER_TASK").then(|| OsString::from(format!("{n}")))
            };
            Threads::choose(None, variable, FsKind::unknown()).unwrap().n_millicores
        };
        let allowed = 1000 * pwalk_sys::allowed_cpus().len();
        assert!((1..=1000).contains(&n_millicores(1)));
        assert!((1..=allowed).contains(&n_millicores(4000)));
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let range = "must be a whole number from 1 to 4096";
        assert_eq!(choose(Some(0), &[], 0), Err(format!("number of threads '0': {range}")));
        for bad in ["0", "5000", "-1", "many", " "] {
            let expected = format!("PWALK_THREADS '{bad}': {range}");
            assert_eq!(choose(None, &[("PWALK_THREADS", bad)], 0), Err(expected));
        }
    }
}
