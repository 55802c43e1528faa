//! Paths as hashes, where they are only compared, and as text, where they are shown.

use super::Text;
use foldhash::quality::RandomState;
use std::cmp::Ordering;
use std::hash::BuildHasher;

/// Bytes of a path that a profile shows. A longer one can't be given to any program, and there may
/// be many of them.
const SHOWN_MAX: usize = 4096;

/// Hashes of paths. Two that are equal are taken for one path: their 64 bits depend on a secret.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths(RandomState);

impl Paths {
    /// The hash of a directory's path, which has a closing slash.
    #[inline]
    pub(crate) fn hash(&self, path: &[u8]) -> u64 {
        debug_assert!(path.ends_with(b"/"));
        self.0.hash_one(path)
    }
}

/// True if a path or name may stand for others, too: text, as a CSV has it, has U+FFFD in place of
/// whatever bytes are not valid UTF-8.
#[inline]
pub(crate) fn is_inexact(path: &[u8]) -> bool {
    !path.is_ascii() && memchr::memmem::find(path, "\u{fffd}".as_bytes()).is_some()
}

/// A path as a profile shows it: the middle of one that is too long is left out.
pub(crate) fn shown(path: &[u8]) -> Text {
    if path.len() <= SHOWN_MAX {
        return path.into();
    }
    let half = (SHOWN_MAX - GAP.len()) / 2;
    Text([&path[..half], GAP, &path[path.len() - half..]].concat())
}

/// How a path of two parts, as it is shown, compares with another that is shown.
pub(crate) fn compare_shown(dir: &[u8], name: &[u8], other: &[u8]) -> Ordering {
    if dir.len() + name.len() > SHOWN_MAX {
        return shown(&[dir, name].concat()).0.as_slice().cmp(other);
    }
    match other.split_at_checked(dir.len()) {
        Some((head, tail)) => dir.cmp(head).then_with(|| name.cmp(tail)),
        None => dir.cmp(other),
    }
}

const GAP: &[u8] = " [...] ".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_that_is_too_long_both_ends_are_shown() {
        let long = [&b"/start"[..], &[b'x'; 100_000], b"end"].concat();
        let Text(text) = shown(&long);
        assert!(text.len() <= SHOWN_MAX && text.starts_with(b"/start") && text.ends_with(b"xend"));
        assert_eq!(shown(b"/short").0, b"/short");
    }
}
