//! What outputs leave behind if the process ends in the middle, and who may decide that it does.
//!
//! A signal can come in the moment in which the outputs get their names. Then either the job goes
//! on to give them and they stay, or the code that ends the process removes what there is of them
//! and the job gives no names: the first one to decide does so for both.
//!
//! ```text
//! open -- begin_naming --> naming     by the job
//!      \- abandon -------> abandoned  by the code that ends the process
//! ```

use crate::file::OutputFile;
use crate::folder::{OutputFolder, remove_work};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

const OPEN: u8 = 0;
const NAMING: u8 = 1;
const ABANDONED: u8 = 2;

/// Outputs that do not have their names yet.
#[derive(Debug, Default)]
pub struct Unfinished {
    /// One of the three states above. Changes once.
    state: AtomicU8,
    /// Temporary files.
    files: Vec<PathBuf>,
    /// The work folder and the final name of a folder.
    folder: Option<(PathBuf, PathBuf)>,
}

impl Unfinished {
    /// For these outputs.
    pub fn new<'a>(
        files: impl IntoIterator<Item = &'a OutputFile>,
        folder: Option<&OutputFolder>,
    ) -> Unfinished {
        let files = files.into_iter().filter_map(|file| Some(file.temp_path()?.to_owned()));
        let folder = folder.map(|folder| (folder.work().to_owned(), folder.target().to_owned()));
        Unfinished { state: AtomicU8::new(OPEN), files: files.collect(), folder }
    }

    /// The job is about to give the names. False if it must not: everything was removed.
    pub fn begin_naming(&self) -> bool {
        self.decide(NAMING)
    }

    /// Removes everything, and keeps the job from giving names. False if it is too late: the
    /// outputs are complete, and have their names or are being given them.
    ///
    /// Only for a process that ends now: from then on another one can write the same outputs.
    pub fn abandon(&self) -> bool {
        if !self.decide(ABANDONED) {
            return false;
        }
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
        if let Some((work, target)) = &self.folder {
            let _ = remove_work(work, target);
        }
        true
    }

    fn decide(&self, state: u8) -> bool {
        let decided = self.state.compare_exchange(OPEN, state, SeqCst, SeqCst);
        decided.is_ok() || decided == Err(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_decides() {
        let unfinished = Unfinished::default();
        assert!(unfinished.begin_naming() && !unfinished.abandon() && unfinished.begin_naming());
        let unfinished = Unfinished::default();
        assert!(unfinished.abandon() && !unfinished.begin_naming() && unfinished.abandon());
    }

    #[test]
    fn what_is_abandoned_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("scan");
        let output = OutputFolder::create(&target).unwrap();
        output.create_file("part-00000.csv").unwrap().append(b"half").unwrap();
        assert!(Unfinished::new(None, Some(&output)).abandon());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
