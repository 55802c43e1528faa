//! The profile: statistics of all entries of a tree or a saved scan, counted batch by batch.
//!
//! Owns what is counted, with how much memory, and the result, whose JSON `docs/formats/profile.md`
//! describes. Knows nothing of where batches come from, and prints nothing.
//!
//! A [`Profiler`] is a sink. It lends a *tally* to each thread that brings a batch, which counts its
//! rows column by column, with some 50 ns for a row. What is kept where, and what bounds it:
//!
//! | | of a tally | of all, behind locks |
//! |---|---|---|
//! | kinds, depths, ages, sizes, entries of directories, empty and small files, names | tables of fixed size (`counts.rs`) | the same |
//! | extensions, owners, groups, classes of owners' files | some hundred keys (`local.rs`) | 100,000 or 50,000 keys, beyond them estimates with a bound (`sketch.rs`) |
//! | largest files and directories | | as many as are asked for (`top.rs`) |
//! | largest trees | | 10,000 by bytes and 10,000 by entries, by name and hash (`trees.rs`) |
//! | totals of directories, from a scan that has none, or with a condition | | 262,144 directories; beyond them the smaller half goes into those above (`dir_table.rs`) |
//! | oldest trees | | as many as are asked for, and 8 MB of those that wait (`old.rs`) |
//! | extension of most bytes in a directory | | of 20,000 directories (`mains.rs`) |
//! | names that are equal but for case | | 4 MB of hashes, and those of a million directories (`case.rs`) |
//! | examples of names, empty directories and errors | | those whose paths come first (`top.rs`, `unseen.rs`) |
//!
//! A lock is taken for what gets into a list, which is little; for each directory; and for keys once
//! there are hundreds. So nothing but sums is merged at the end, and the result is the same however
//! the rows come: of equal ones those whose paths come first are in a list. The exceptions are
//! estimates, what is given up when memory has no more room, and which one of two names that are
//! equal but for case is the example.

mod case;
mod classes;
mod counts;
mod dir;
mod dir_nodes;
mod dir_table;
mod extensions;
mod folded;
mod keyed;
mod lists;
mod local;
mod mains;
mod old;
mod paths;
mod profiler;
mod result;
mod rows;
mod shared;
mod sketch;
mod sums;
mod tally;
mod top;
mod trail;
mod trees;
mod trouble;
mod unseen;

pub use profiler::{About, Profiler};
pub use result::*;
pub use rows::*;
