//! A directory with all that is below it, as the parts of a profile about directories take it.

use super::paths::Paths;
use pwalk_engine::TreeTotals;

/// What a profile is told of a directory once all that is below it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirFacts<'a> {
    /// Its path with a closing slash.
    pub(crate) path: &'a [u8],
    /// -1 for a root, which is in no other directory.
    pub(crate) depth: i32,
    /// The sums over what is below it.
    pub(crate) totals: TreeTotals,
    /// Its owner.
    pub(crate) uid: Option<u32>,
    /// Sum of the sizes of its direct entries.
    pub(crate) own_bytes: Option<u64>,
    /// Its direct entries.
    pub(crate) own_entries: Option<u64>,
}

impl<'a> DirFacts<'a> {
    /// The path of the directory that it is in, with a closing slash.
    pub(crate) fn above(&self) -> Option<&'a [u8]> {
        (self.depth >= 0).then(|| above(self.path)).flatten()
    }

    /// What it is called there; of a root, the path.
    pub(crate) fn name(&self) -> &'a [u8] {
        let path = without_slash(self.path);
        match self.above() {
            Some(above) => &path[above.len()..],
            None => path,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        count(self.totals.size)
    }

    pub(crate) fn entries(&self) -> u64 {
        count(self.totals.count)
    }
}

/// A directory with the hashes of its path and of that above, which several parts need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dir<'a> {
    pub(crate) facts: DirFacts<'a>,
    pub(crate) hash: u64,
    pub(crate) above: Option<u64>,
}

impl<'a> Dir<'a> {
    pub(crate) fn new(facts: DirFacts<'a>, paths: &Paths) -> Dir<'a> {
        let above = facts.above().map(|above| paths.hash(above));
        Dir { facts, hash: paths.hash(facts.path), above }
    }
}

/// A total as a profile has it.
pub(crate) fn count(total: Option<i64>) -> u64 {
    super::sums::size(total.unwrap_or(0))
}

/// What precedes the last name of a path that has a closing slash.
pub(crate) fn above(path: &[u8]) -> Option<&[u8]> {
    let (_, inner) = path.split_last()?;
    let slash = inner.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..=slash])
}

/// A path as people write it.
pub(crate) fn without_slash(path: &[u8]) -> &[u8] {
    match path {
        [inner @ .., b'/'] if !inner.is_empty() => inner,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path, its depth, what it is in, and its name there.
    type Case = (&'static [u8], i32, Option<&'static [u8]>, &'static [u8]);

    #[test]
    fn a_directory_is_in_what_precedes_its_name() {
        let cases: [Case; 6] = [
            (b"/", -1, None, b"/"),
            (b"/a/", -1, None, b"/a"),
            (b"/a/", 0, Some(b"/"), b"a"),
            (b"/a/b/", 0, Some(b"/a/"), b"b"),
            (b"./x/", 0, Some(b"./"), b"x"),
            (b"./", -1, None, b"."),
        ];
        for (path, depth, above, name) in cases {
            let totals = TreeTotals::default();
            let facts =
                DirFacts { path, depth, totals, uid: None, own_bytes: None, own_entries: None };
            assert_eq!((facts.above(), facts.name()), (above, name));
        }
    }
}
