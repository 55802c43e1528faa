//! What pwalk's tests share: fixture trees on a real disk, a naive walk to compare with,
//! comparers, and privileges.
//!
//! Development only. It must not know how the product walks or formats: what stands here is
//! the other opinion. So it repeats a few rules (skipped names, the file extension, a row of
//! the CSV) that the product has too, in their slowest and plainest form, on purpose.

#![forbid(unsafe_code)]

pub mod automounter;
pub mod churn;
pub mod compare;
pub mod fake;
pub mod fixtures;
pub mod oracle;
pub mod privileges;
pub mod server;
pub mod shared;
pub mod stuck;

mod reach;
mod remove;

pub use fixtures::{FIXTURES, Fixture, Tree, fixture};
pub use remove::remove_tree;
