//! The limit on open descriptors.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit on descriptors to the hard one, and returns what is in force then.
///
/// A refusal is no error: the walk works with what it has.
pub fn raise_descriptor_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let in_force = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(_) => before,
    };
    in_force.unwrap_or(u64::MAX)
}
