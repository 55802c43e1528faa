//! The file that takes the bytes until the final name is due.
//!
//! It has no name at all where the filesystem has such files (`O_TMPFILE`): then nothing is left
//! of it, however the process ends. Elsewhere (NFS above all) it stands beside the final name, as
//! `.NAME.pwalk-HOST-XXXXXX.tmp`, and is removed when it is dropped. What a kill leaves there is
//! removed by the next run that writes into the same folder: a live writer holds a lock (flock)
//! on its file. The lock of a writer on another machine might not be visible from here, so the
//! name has a hash of the machine's name, and a machine removes only its own leftovers.

use crate::access::OldAccess;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, OFlags, StatxAttributes, StatxFlags, flock, fstat, statx,
};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const SUFFIX: &str = ".tmp";

/// Random characters that `tempfile` puts before the suffix.
const N_RANDOM: usize = 6;

/// Bytes of the final name that a temporary one repeats: a name has 255 at the most.
const NAME_LEN_MAX: usize = 220;

/// A file that does not have its final name yet.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: Unnamed,
    target: PathBuf,
}

#[derive(Debug)]
enum Unnamed {
    /// Without a name.
    Really(File),
    /// With one that nothing else uses.
    Hidden(NamedTempFile),
}

impl Temporary {
    /// Begins what will become `target`. `old` is what it will replace.
    pub(crate) fn create(target: PathBuf, old: Option<&OldAccess>) -> io::Result<Temporary> {
        remove_leftovers(folder_of(&target));
        match unnamed(&target, old) {
            Ok(file) => Ok(Temporary { file: Unnamed::Really(file), target }),
            Err(_) => Temporary::create_hidden(target, old),
        }
    }

    fn create_hidden(target: PathBuf, old: Option<&OldAccess>) -> io::Result<Temporary> {
        loop {
            // `make_in`, because `tempfile_in` hides the system's error behind its own text.
            let file = builder(&prefix(&target))
                .make_in(folder_of(&target), |path| options(old).create_new(true).open(path))?;
            prepare(file.as_file(), old)?;
            // Another run may have taken it for a leftover before it was locked.
            if fstat(file.as_file())?.st_nlink > 0 {
                return Ok(Temporary { file: Unnamed::Hidden(file), target });
            }
        }
    }

    pub(crate) fn file(&self) -> &File {
        match &self.file {
            Unnamed::Really(file) => file,
            Unnamed::Hidden(file) => file.as_file(),
        }
    }

    pub(crate) fn file_mut(&mut self) -> &mut File {
        match &mut self.file {
            Unnamed::Really(file) => file,
            Unnamed::Hidden(file) => file.as_file_mut(),
        }
    }

    /// The name that it has meanwhile.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.file {
            Unnamed::Really(_) => None,
            Unnamed::Hidden(file) => Some(file.path()),
        }
    }

    /// The name that it will have.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives it its final name, in the place of whatever has it.
    pub(crate) fn publish(self) -> io::Result<()> {
        let target = &self.target;
        match self.file {
            Unnamed::Hidden(file) => file.persist(target).map(drop).map_err(|error| error.error),
            Unnamed::Really(file) => match link(&file, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // A link replaces nothing, a rename does.
                    let hidden = builder(&prefix(target))
                        .make_in(folder_of(target), |path| link(&file, path))?;
                    hidden.persist(target).map_err(|error| error.error)
                }
                done => done,
            },
        }
    }
}

/// A file without a name, in a folder where it can get one.
fn unnamed(target: &Path, old: Option<&OldAccess>) -> io::Result<File> {
    let open = || -> io::Result<File> {
        options(old).custom_flags(OFlags::TMPFILE.bits() as i32).open(folder_of(target))
    };
    // Better now than after a walk of days. A file can be tried once only, so it is another one.
    let trial = open()?;
    if !keeps_names(folder_of(target)) {
        drop(builder(&prefix(target)).make_in(folder_of(target), |path| link(&trial, path))?);
    }
    let file = open()?;
    prepare(&file, old)?;
    Ok(file)
}

/// True if names in this folder can be neither removed nor replaced (`chattr +a`): a trial would
/// stay there.
pub(crate) fn keeps_names(folder: &Path) -> bool {
    attributes(folder).contains(StatxAttributes::APPEND)
}

/// What `chattr` has set. Filesystems that know no attributes have none.
pub(crate) fn attributes(path: &Path) -> StatxAttributes {
    let stat = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    stat.map_or(StatxAttributes::empty(), |stat| stat.stx_attributes)
}

/// Gives an open file a name.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// How a file is created. `old` is what it replaces.
pub(crate) fn options(old: Option<&OldAccess>) -> OpenOptions {
    let mut options = OpenOptions::new();
    // What replaces a file that few may read is never open to more, not for a moment.
    options.read(true).write(true).mode(if old.is_some() { 0o600 } else { 0o666 });
    options
}

fn prepare(file: &File, old: Option<&OldAccess>) -> io::Result<()> {
    // Without locks (some network filesystems) leftovers are never removed, that is all.
    let _ = flock(file, FlockOperation::LockExclusive);
    old.map_or(Ok(()), |old| old.give(file, 0))
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

fn builder(prefix: &OsString) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(SUFFIX).rand_bytes(N_RANDOM);
    builder
}

fn prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let name = &name[..name.len().min(NAME_LEN_MAX)];
    OsString::from_vec([b".", name, tag().as_bytes()].concat())
}

/// What stands before the random characters in the names of this machine.
fn tag() -> String {
    let host = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    format!(".pwalk-{:08x}-", hash(&host))
}

/// FNV-1a.
pub(crate) fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// True for a name that a temporary file of this machine has.
fn is_ours(name: &[u8], tag: &str) -> bool {
    let stem = name.strip_prefix(b".").and_then(|name| name.strip_suffix(SUFFIX.as_bytes()));
    let split = stem.and_then(|stem| stem.split_at_checked(stem.len().checked_sub(N_RANDOM)?));
    split.is_some_and(|(stem, random)| {
        stem.ends_with(tag.as_bytes()) && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Removes temporary files that no living process holds.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let tag = tag();
    for entry in entries.flatten().filter(|entry| is_ours(entry.file_name().as_bytes(), &tag)) {
        // For writing, because NFS locks no other; never through a link, nor waiting for a FIFO.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(entry.path());
        let Ok(file) = file else { continue };
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_file && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// The names in a folder, sorted.
    pub(crate) fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn both_ways_end_with_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        for create in [Temporary::create, Temporary::create_hidden] {
            for text in [&b"first"[..], b"second"] {
                let mut file = create(path.clone(), None).unwrap();
                file.file_mut().write_all(text).unwrap();
                file.publish().unwrap();
                assert_eq!(fs::read(&path).unwrap(), text);
                assert_eq!(names(folder.path()), ["a.csv"]);
            }
            fs::remove_file(&path).unwrap();
            drop(create(path.clone(), None).unwrap());
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }

    #[test]
    fn t44_t53_leftovers_of_the_dead_are_removed_and_of_the_living_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (tag, another) = (tag(), ".pwalk-00000000-");
        let dead = [format!(".a.csv{tag}dead00.tmp"), format!(".a-2026-11-20.csv{tag}dead00.tmp")];
        let kept = [format!(".a.csv{another}dead00.tmp"), format!(".a.csv{tag}dead.tmp")];
        for name in dead.iter().chain(&kept) {
            fs::write(at(name), "").unwrap();
        }
        let link = format!(".a.csv{tag}link00.tmp");
        std::os::unix::fs::symlink(at(&kept[0]), at(&link)).unwrap();
        let living = Temporary::create_hidden(at("b.csv"), None).unwrap();
        drop(Temporary::create(at("a.csv"), None).unwrap());
        let living = living.path().unwrap().file_name().unwrap().to_str().unwrap();
        let mut expected = [&kept[0], &kept[1], &link, living];
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn the_longest_name_leaves_room_for_the_rest() {
        let longest = Path::new("/x").join("n".repeat(255));
        let len = prefix(&longest).len() + N_RANDOM + SUFFIX.len();
        assert!(len <= 255, "{len}");
    }
}
