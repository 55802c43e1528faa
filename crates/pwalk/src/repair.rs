//! Repairs the permissions of shared folders: plans, applies and undoes.
//!
//! Two jobs. [`PlanJob`] walks, judges each entry (`judge.rs`), looks twice at those that it would
//! change (`look.rs`), and writes a table of changes (`plan.rs`). [`ApplyJob`] reads changes from such
//! a table, or backwards from a journal, and makes them one by one (`apply.rs`), each announced in a
//! journal before (`journal.rs`). It never sees the tree itself: what is not in the plan is not
//! touched.

mod acl;
mod apply;
mod guard;
mod job;
mod journal;
mod judge;
mod left_list;
mod links;
mod look;
mod opener;
mod plan;
mod protected;
mod summary;
mod survey;
mod syslog;
mod why;

pub use job::{ApplyConfig, ApplyJob, Changes, check_journal};
pub use left_list::LeftList;
pub use plan::{Change, Rights, plan_schema};
pub use summary::{Applied, Example, Planned, ShareOf};
pub use survey::{PlanConfig, PlanJob};
pub use why::{Left, Why};
