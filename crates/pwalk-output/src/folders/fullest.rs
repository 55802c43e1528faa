//! Which folders have most files directly in them, although a folder's files come in pieces, to
//! several tallies.
//!
//! Owns the number of files of each folder by a hash of its path, sixteen bytes each, and the paths of
//! those that may be among the fullest. With k tallies, a folder with n files has n / k or more of
//! them in one of these. The tenth of a tally is not above the tenth of all. So the path of a
//! folder is kept when k times what a tally has of it is not below that tally's tenth.

use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// How many folders are named.
pub(super) const N_FULLEST: usize = 10;

#[derive(Debug)]
pub(super) struct FilesByFolder {
    n_tallies: u64,
    /// By the hash of the path.
    counts: HashMap<u64, u64, RandomState>,
    paths: HashMap<u64, Box<[u8]>, RandomState>,
    /// The fullest of this tally: numbers of files, and hashes.
    best: Vec<(u64, u64)>,
    /// The same for all tallies. Two of a million paths have the same hash once in 37 million walks.
    hash: RandomState,
}

impl FilesByFolder {
    pub(super) fn new(n_tallies: usize, hash: RandomState) -> FilesByFolder {
        FilesByFolder {
            n_tallies: n_tallies as u64,
            counts: HashMap::default(),
            paths: HashMap::default(),
            best: Vec::new(),
            hash,
        }
    }

    /// Adds files of a folder, whose path ends in a slash.
    pub(super) fn add(&mut self, path: &[u8], n: u64) {
        let hash = self.hash.hash_one(path);
        let count = self.counts.entry(hash).or_default();
        *count += n;
        let count = *count;
        if count.saturating_mul(self.n_tallies) >= self.tenth() {
            self.paths.entry(hash).or_insert_with(|| without_slash(path).into());
        }
        self.rank(count, hash);
    }

    /// What the tenth of this tally has; 0 if there are fewer.
    fn tenth(&self) -> u64 {
        let least = self.best.iter().map(|(count, _)| *count).min();
        least.filter(|_| self.best.len() == N_FULLEST).unwrap_or(0)
    }

    fn rank(&mut self, count: u64, hash: u64) {
        if let Some(known) = self.best.iter_mut().find(|(_, known)| *known == hash) {
            known.0 = count;
        } else if self.best.len() < N_FULLEST {
            self.best.push((count, hash));
        } else if let Some(least) = self.best.iter_mut().min_by_key(|(count, _)| *count)
            && least.0 < count
        {
            *least = (count, hash);
        }
    }

    /// Adds what another tally has counted. Nothing more can be added then.
    pub(super) fn merge(&mut self, other: FilesByFolder) {
        for (hash, count) in other.counts {
            *self.counts.entry(hash).or_default() += count;
        }
        self.paths.extend(other.paths);
    }

    /// The fullest `n`, first by their files, then by their paths.
    pub(super) fn into_fullest(self, n: usize) -> Vec<(Vec<u8>, u64)> {
        let count = |hash: &u64| self.counts.get(hash).copied().unwrap_or(0);
        let named = self.paths.into_iter().map(|(hash, path)| (path.into_vec(), count(&hash)));
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by(|(path, count), (other, other_count)| {
            other_count.cmp(count).then_with(|| path.cmp(other))
        });
        named.truncate(n);
        named
    }
}

fn without_slash(path: &[u8]) -> &[u8] {
    match path {
        b"/" => path,
        _ => path.strip_suffix(b"/").unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn path(folder: u32) -> Vec<u8> {
        format!("/{folder:02}/").into_bytes()
    }

    proptest! {
        #[test]
        fn however_files_are_dealt_out_the_fullest_are_those_of_one_count(
            pieces in prop::collection::vec((0..40_u32, 1..20_u64, 0..4_usize), 0..300),
            n_tallies in 1..5_usize,
        ) {
            let hash = RandomState::default();
            let tally = |_| FilesByFolder::new(n_tallies, hash.clone());
            let mut tallies: Vec<_> = (0..n_tallies).map(tally).collect();
            let mut all = BTreeMap::<u32, u64>::new();
            for (folder, n, tally) in pieces {
                tallies[tally % n_tallies].add(&path(folder), n);
                *all.entry(folder).or_default() += n;
            }
            let mut sorted: Vec<_> = all.into_iter().collect();
            sorted.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            sorted.truncate(N_FULLEST);
            let expected =
                sorted.into_iter().map(|(folder, n)| (without_slash(&path(folder)).to_owned(), n));
            let merged = tallies.into_iter().reduce(|mut all, tally| { all.merge(tally); all });
            let found = merged.map(|all| all.into_fullest(N_FULLEST)).unwrap_or_default();
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_many_folders_only_few_paths_are_kept() {
        let mut files = FilesByFolder::new(1, RandomState::default());
        (0..10).for_each(|folder| files.add(&path(folder), 100));
        (10..10_000).for_each(|folder| files.add(&path(folder), 99));
        assert_eq!(files.paths.len(), 10);
    }
}
