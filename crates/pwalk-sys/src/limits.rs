//! The limit on open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many descriptors this process may have.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the soft limit on descriptors to the hard one, for the whole process: for a command to
/// do, and not for a library.
///
/// A refusal is no error: a walk works with what it has.
pub fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        raise_descriptor_limit();
        assert_eq!(
            Some(descriptor_limit()),
            getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX))
        );
    }
}
