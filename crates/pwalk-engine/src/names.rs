//! Reads the names of a directory, each once: what both orders of a walk have in common.

use crate::listing::Listing;
use crate::seen::Seen;
use pwalk_sys::Errno;

/// Reads in a row that may bring no new name before a directory counts as endless.
const IDLE_READS_MAX: u32 = 64;

/// One worker's reader of names, with the memory that goes from directory to directory.
pub(crate) struct NameReader {
    /// The names that the directory at hand has delivered.
    pub(crate) seen: Seen,
    /// Names that were delivered again, and dropped.
    pub(crate) n_repeated: u64,
    /// Names go into `seen` as they come.
    remembers: bool,
    scratch: Vec<u8>,
}

impl Default for NameReader {
    fn default() -> Self {
        NameReader { seen: Seen::default(), n_repeated: 0, remembers: true, scratch: Vec::new() }
    }
}

impl NameReader {
    /// Reads at least one new name, or the end (false). Some network filesystems say ENOENT or
    /// ESTALE for no reason, so that gets two more tries; some repeat names, or never come to an
    /// end.
    ///
    /// `request` is [`crate::source::Source::read`], given the memory that belongs to this reader.
    pub(crate) fn read(
        &mut self,
        listing: &mut Listing,
        mut request: impl FnMut(&mut Vec<u8>, &mut Listing) -> Result<bool, Errno>,
    ) -> Result<bool, Errno> {
        let (mut n_retries, mut n_idle) = (0, 0);
        let n_at_start = listing.len();
        loop {
            let n_before = listing.len();
            let result = request(&mut self.scratch, listing);
            self.drop_repeated(listing, n_before);
            match result {
                Err(errno) if is_gone(errno) && n_retries < 2 => n_retries += 1,
                Ok(true) if self.seen.has_cycle() || n_idle == IDLE_READS_MAX => {
                    return Err(Errno::LOOP);
                }
                Ok(true) if listing.len() == n_at_start => n_idle += 1,
                result => return result,
            }
        }
    }

    /// Reads a whole directory. Most are read at once, and who keeps all names needs to remember
    /// none of those: only with a second buffer can some come again.
    ///
    /// `request` is [`crate::source::Source::read`], as for `read`.
    ///
    /// ENOENT is the end, as it is for readdir(3): the directory was removed after it was opened.
    pub(crate) fn read_all(
        &mut self,
        listing: &mut Listing,
        mut request: impl FnMut(&mut Vec<u8>, &mut Listing) -> Result<bool, Errno>,
    ) -> Result<(), Errno> {
        self.seen.start();
        self.remembers = false;
        loop {
            match self.read(listing, &mut request) {
                Ok(false) | Err(Errno::NOENT) => break,
                Ok(true) => {}
                Err(errno) => return Err(errno),
            }
        }
        self.remembers = true;
        Ok(())
    }

    /// Drops names that the directory delivered before, of those from `start` on.
    fn drop_repeated(&mut self, listing: &mut Listing, mut start: usize) {
        let n_read = listing.len();
        if !self.remembers {
            if start == 0 || n_read == start {
                return;
            }
            (self.remembers, start) = (true, 0);
        }
        self.seen.reserve(n_read - start);
        listing.retain_from(start, |name| self.seen.insert(name));
        self.n_repeated += (n_read - listing.len()) as u64;
    }
}

/// True where what was there is there no more.
pub(crate) fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::STALE)
}

/// True where it is descriptors that are missing.
pub(crate) fn is_lack(errno: Errno) -> bool {
    matches!(errno, Errno::MFILE | Errno::NFILE)
}
