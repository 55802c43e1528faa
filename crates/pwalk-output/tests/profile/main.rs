//! Profiles of fake trees against a naive count of the same rows.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod bounds;
mod lists;
mod naive;
mod properties;
