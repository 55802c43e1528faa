//! Repairs of real trees: against a reference of a few lines, an attacker, kills, and what filesystems
//! have beside modes.
//!
//! One binary, so that its modules share a harness.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod acls;
mod attacker;
mod harness;
mod journals;
mod leaves;
mod model;
mod plans;
mod users;
