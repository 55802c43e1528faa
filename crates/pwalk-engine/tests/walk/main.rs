//! The walk against a fake filesystem: properties, faults, filters, and how it stops.
//!
//! One binary, so that its modules share a harness. They know the engine's public face only; a
//! hazard's number in a name (`t19_...`) is its number in the list of hazards.

mod asking;
mod budgets;
mod descriptors;
mod faults;
mod filters;
mod harness;
mod inherit;
mod links;
mod memory;
mod ordered;
mod pacing;
mod pools;
mod properties;
mod stalls;
mod stopping;
mod timeouts;
mod trees;
mod waiting;
