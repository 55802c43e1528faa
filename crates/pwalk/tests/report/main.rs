//! The report on real trees: its rows against the naive walk, `find`, `du` and golden files.
//!
//! One binary, so that its modules share a harness. They know the public face of the `pwalk`
//! crate only; a hazard's number in a name (`t17_...`) is its number in the list of hazards.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod compression;
mod descriptors;
mod filters;
mod find;
mod fixtures;
#[path = "../../../../tests/golden.rs"]
mod golden;
mod harness;
mod info;
mod links;
mod mounts;
mod names;
mod outputs;
mod real_tree;
mod ring;
mod roots;
mod rules;
mod slow;
mod sums;
mod unreadable;
mod vanishing;
