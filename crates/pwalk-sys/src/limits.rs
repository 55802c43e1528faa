//! The limit on open descriptors.

use rustix::fd::{AsFd, AsRawFd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How often the limit is used before it is asked again.
const USES_OF_LIMIT: u32 = 64;

/// How many descriptors this process may have.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The limit, asked now and then.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescriptorLimit {
    value: u64,
    n_uses: u32,
}

impl DescriptorLimit {
    /// How many descriptors are left after this one: the kernel gives the lowest that is free, so
    /// at most those above it.
    pub fn n_spare(&mut self, last: impl AsFd) -> u64 {
        if self.n_uses.is_multiple_of(USES_OF_LIMIT) {
            self.value = descriptor_limit();
        }
        self.n_uses = self.n_uses.wrapping_add(1);
        let number = u64::try_from(last.as_fd().as_raw_fd()).unwrap_or(0);
        self.value.saturating_sub(number + 1)
    }
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
