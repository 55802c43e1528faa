//! Where a directory stands in the order of the walk: a number.
//!
//! Each directory owns a stretch of the numbers. The first of them is its own, and its
//! subdirectories share the others evenly. So what is below a directory is a range, which can be
//! removed, and nothing has to be moved when a directory turns out to have subdirectories.
//!
//! After some levels a stretch is too short to be shared: 128 bits last for 40 levels of eight
//! subdirectories each. Then the consumer, once it has arrived there, begins a new stage, with all
//! numbers to be shared anew. What is below the place where it stands comes before all that was
//! planned, so a later stage comes first. Numbers of fixed size, since a key that names all levels
//! above would be long just where trees are deep.

use std::cmp::Reverse;
use std::ops::Range;

/// The place of a directory. What the consumer reads earlier is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    stage: Reverse<u64>,
    number: u128,
}

/// A directory's position, and those of all that is below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) start: Position,
    len: u128,
}

/// The stretches of a directory's subdirectories, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    first: Position,
    /// Of each.
    len: u128,
    n: usize,
}

impl Stretch {
    /// All positions of a stage.
    pub(super) fn of_stage(stage: u64) -> Stretch {
        Stretch { start: Position { stage: Reverse(stage), number: 0 }, len: u128::MAX }
    }

    /// Shares it among `n` subdirectories; `None` if it is too short.
    pub(super) fn divide(&self, n: usize) -> Option<Division> {
        let len = (self.len - 1).checked_div(n as u128).filter(|&len| len > 0)?;
        let first = Position { number: self.start.number + 1, ..self.start };
        Some(Division { first, len, n })
    }
}

impl Division {
    /// The stretch of a subdirectory, which must be below `n`.
    pub(super) fn stretch(&self, rank: usize) -> Stretch {
        let number = self.first.number + self.len * rank as u128;
        Stretch { start: Position { number, ..self.first }, len: self.len }
    }

    /// All positions.
    pub(super) fn range(&self) -> Range<Position> {
        let number = self.first.number + self.len * self.n as u128;
        self.first..Position { number, ..self.first }
    }

    /// The subdirectory at or below which a position of the range lies.
    pub(super) fn rank_of(&self, position: Position) -> usize {
        ((position.number - self.first.number) / self.len) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_comes_before_what_is_below_it_and_that_before_its_next_sibling() {
        let root = Stretch::of_stage(7);
        let dirs = root.divide(3).expect("there is room");
        assert!(root.start < dirs.stretch(0).start);
        for rank in 0..3 {
            let own = dirs.stretch(rank);
            let below = own.divide(1000).expect("there is room");
            assert!(own.start < below.stretch(0).start);
            assert!(dirs.range().contains(&below.stretch(999).start));
            assert_eq!(dirs.rank_of(below.stretch(999).start), rank);
            assert!(rank == 2 || below.range().end <= dirs.stretch(rank + 1).start);
        }
        assert!(!dirs.range().contains(&root.start));
    }

    #[test]
    fn a_later_stage_comes_first() {
        let earlier = Stretch::of_stage(1).divide(2).expect("there is room");
        let later = Stretch::of_stage(2).divide(2).expect("there is room");
        assert!(later.stretch(1).start < earlier.stretch(0).start);
    }

    #[test]
    fn a_stretch_is_shared_until_it_is_too_short() {
        let mut stretch = Stretch::of_stage(0);
        let mut n_levels = 0;
        while let Some(dirs) = stretch.divide(8) {
            let last = dirs.stretch(7);
            assert!(stretch.start < dirs.stretch(0).start && dirs.range().contains(&last.start));
            (stretch, n_levels) = (last, n_levels + 1);
        }
        assert_eq!(n_levels, 42);
        assert!(Stretch::of_stage(0).divide(0).is_none());
    }
}
