//! Names of users and groups, asked of the system once each.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Names by number; `None` for a number that has none.
type Known = RwLock<HashMap<u32, Option<Arc<str>>>>;

/// What is known so far, shared by all encoders of a report.
#[derive(Debug, Default)]
pub(crate) struct UserNames {
    users: Known,
    groups: Known,
}

impl UserNames {
    pub(crate) fn user(&self, uid: u32) -> Option<Arc<str>> {
        get(&self.users, uid, pwalk_sys::user_name)
    }

    pub(crate) fn group(&self, gid: u32) -> Option<Arc<str>> {
        get(&self.groups, gid, pwalk_sys::group_name)
    }
}

fn get(known: &Known, id: u32, ask: fn(u32) -> Option<String>) -> Option<Arc<str>> {
    if let Some(name) = known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return name.clone();
    }
    // Asked under the lock: a directory service is slow, and answers one of many who wait.
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(id).or_insert_with(|| ask(id).map(Arc::from)).clone()
}
