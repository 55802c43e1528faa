//! The profile: statistics of all entries of a tree or a saved scan, counted batch by batch.
//!
//! Owns what is counted, with how much memory, and the result, whose JSON `docs/formats/profile.md`
//! describes. Knows nothing of where batches come from, and prints nothing.

mod result;

pub use result::*;
