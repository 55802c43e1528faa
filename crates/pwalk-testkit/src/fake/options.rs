//! What a test asks of a walk, in a form that the engine and the model both understand.
//!
//! Owns the way from here to the engine's config. Says nothing of workers, budgets or tuning:
//! none of them may change what is delivered.

use super::expression::Expression;
use pwalk_engine::{
    Condition, Config, Excludes, Fields, FileId, Frontier, FrontierDir, Links, Rules,
    SNAPSHOT_NAMES,
};
use std::sync::Arc;

/// What to walk, and what to leave out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the walk starts.
    pub roots: Vec<Vec<u8>>,
    /// What the sink wants.
    pub fields: Fields,
    /// Whether links are followed.
    pub links: Links,
    /// Whether snapshots are walked.
    pub walks_snapshots: bool,
    /// Whether the walk stays on the device of its root.
    pub one_file_system: bool,
    /// Levels below a root.
    pub max_depth: Option<u32>,
    /// Patterns of entries to leave out.
    pub excludes: Vec<String>,
    /// Paths to leave out.
    pub exclude_paths: Vec<Vec<u8>>,
    /// Roots below other roots.
    pub nested_roots: Vec<Vec<u8>>,
    /// What the mount table says.
    pub mount_points: Vec<Vec<u8>>,
    /// Files that the walk writes.
    pub own_files: Vec<FileId>,
    /// What rows must fulfil.
    pub condition: Option<Expression>,
}

impl Default for Options {
    /// All of `/r`, with the fields of a report.
    fn default() -> Self {
        Options {
            roots: vec![b"/r".to_vec()],
            fields: Fields::REPORT,
            links: Links::Keep,
            walks_snapshots: false,
            one_file_system: false,
            max_depth: None,
            excludes: Vec::new(),
            exclude_paths: Vec::new(),
            nested_roots: Vec::new(),
            mount_points: Vec::new(),
            own_files: Vec::new(),
            condition: None,
        }
    }
}

impl Options {
    /// The engine's config, with one worker and without a budget.
    ///
    /// # Panics
    ///
    /// If an exclude does not parse.
    pub fn config(&self) -> Config {
        let rules = Rules {
            links: self.links,
            links_are_files: true,
            walks_snapshots: self.walks_snapshots,
            one_file_system: self.one_file_system,
            max_depth: self.max_depth,
            excludes: Excludes::new(&self.excludes).expect("the patterns of a test parse"),
            exclude_paths: self.exclude_paths.iter().collect(),
            nested_roots: self.nested_roots.iter().collect(),
            mount_points: self.mount_points.iter().collect(),
            own_files: self.own_files.clone(),
            condition: self.condition.as_ref().map(|condition| {
                let text = condition.text();
                Arc::new(Condition::new(&text).expect("the conditions of a test parse"))
            }),
        };
        Config { rules, ..Config::default() }
    }

    /// Where the walk starts.
    pub fn frontier(&self) -> Frontier {
        self.roots.iter().map(|root| FrontierDir::root(root)).collect()
    }

    /// What must be asked of the inode of a row: loops and hard links are known by inode and device.
    pub(super) fn want_of_rows(&self) -> Fields {
        self.completed(self.fields)
    }

    /// The same of an inode that the condition depends on.
    pub(super) fn want(&self) -> Fields {
        let condition = self.condition.as_ref();
        let of_condition = condition.map_or(Fields::empty(), Expression::fields);
        self.completed(self.fields | of_condition)
    }

    fn completed(&self, fields: Fields) -> Fields {
        match fields.need_stat() || self.links == Links::Follow {
            true => fields | Fields::INODE | Fields::DEVICE,
            false => fields,
        }
    }

    pub(super) fn skips_snapshot(&self, name: &[u8]) -> bool {
        !self.walks_snapshots && SNAPSHOT_NAMES.iter().any(|known| known.as_bytes() == name)
    }
}
