//! The command `pwalk` as its users call it: arguments, exit statuses, messages, signals.
//!
//! One binary, so that its modules share a harness. They run the built command and know nothing
//! of the code behind it, but for the list of its arguments. What the rows must be is the
//! matter of the crates below; here it is that every argument does something, and the right
//! thing. A hazard's number in a name (`t28_...`) is its number in the list of hazards.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests are tests")]

mod closed_pipe;
mod filters;
mod folders;
#[path = "../../../../tests/golden.rs"]
mod golden;
mod harness;
mod help;
mod info;
mod limits;
mod outputs;
mod profile;
mod progress;
mod refusals;
mod repair_command;
mod repair_hazards;
mod repair_kills;
mod report;
mod signals;
mod slow;
mod stalls;
mod unreadable;
mod walk;
