//! A filesystem that lies in memory and fails on purpose, and what a walk of it must bring.
//!
//! Owns the other side of the engine's two traits: [`FakeSource`] reads a [`FakeTree`] under a
//! [`FaultPlan`], [`CollectingSink`] keeps what is delivered, and [`model`] says what that must
//! be. Knows the engine's public face, since it stands in for a disk; must not know how the
//! engine schedules, batches or retries.
//!
//! The model reads through a `FakeSource` of its own instead of interpreting the plan, so that
//! a fault has one meaning, written down once.

mod answers;
mod arb;
mod expression;
mod glob;
mod model;
mod options;
mod plan;
mod sink;
mod source;
mod tree;
mod trees;
mod verdict;

pub use arb::{arb_fault_plan, arb_options, arb_tree};
pub use expression::{Expression, Quantity, Seen, arb_expression};
pub use model::{Modelled, model};
pub use options::Options;
pub use plan::{Call, Endless, Fail, FaultPlan, NodeFaults, ReadFault, Shortage};
pub use sink::{CollectingSink, FakeRow, SinkFailure};
pub use source::{FakeDir, FakeSource, masked};
pub use tree::{FakeTree, NodeId, NodeRef};
