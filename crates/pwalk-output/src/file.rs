//! Files that appear whole or not at all.
//!
//! The bytes go to a part file beside the final name, `.NAME.pwalk-XXXXXX.part`, which is renamed
//! when it is complete and removed when it is dropped before. What a kill leaves behind is
//! removed by the next run that writes the same name: a living writer holds a lock (flock) on its
//! part file, so its file is never taken for a leftover.
//!
//! Where a rename would do harm (a device, a pipe, standard output) the bytes go straight there.

use pwalk_engine::{FileId, FsKind, Kind};
use rustix::fs::{FlockOperation, fstat};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Why an output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), reason(source))]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

impl OutputError {
    pub(crate) fn new(path: &Path, source: io::Error) -> OutputError {
        OutputError { path: path.to_owned(), source }
    }

    /// The output's name, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The system's reason.
    pub fn io(&self) -> &io::Error {
        &self.source
    }
}

/// The words of the error, without the number that `io::Error` puts behind them.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => pwalk_engine::Errno::from_raw(number).to_string(),
        None => error.to_string(),
    }
}

/// A file being written.
#[derive(Debug)]
pub struct OutputFile {
    /// The name for messages: as it was given.
    name: PathBuf,
    kind: OutputKind,
    n_bytes: u64,
    /// Bytes go through a memory map.
    is_mapped: bool,
}

#[derive(Debug)]
enum OutputKind {
    /// Beside the final name; renamed to it at the end.
    Part { part: NamedTempFile, target: PathBuf },
    /// A stream or device that takes the bytes as they come.
    Direct(File),
}

impl OutputFile {
    /// Begins the file `path`. A link is followed: the file that it points to is replaced.
    pub fn create(path: &Path) -> Result<OutputFile, OutputError> {
        let kind = open(path).map_err(|error| OutputError::new(path, error))?;
        Ok(OutputFile { name: path.to_owned(), kind, n_bytes: 0, is_mapped: false })
    }

    /// Begins writing to standard output.
    pub fn stdout() -> Result<OutputFile, OutputError> {
        let name = PathBuf::from("standard output");
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let kind = stdout.map(|fd| OutputKind::Direct(File::from(fd)));
        let kind = kind.map_err(|error| OutputError::new(&name, error))?;
        Ok(OutputFile { name, kind, n_bytes: 0, is_mapped: false })
    }

    /// From now on writes through a memory map, where it is a file of its own.
    pub fn map_writes(&mut self) {
        self.is_mapped = matches!(self.kind, OutputKind::Part { .. });
    }

    /// Makes an error of the system one of this file.
    pub fn error(&self, error: io::Error) -> OutputError {
        OutputError::new(&self.name, error)
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let file = match &mut self.kind {
            OutputKind::Part { part, .. } => part.as_file_mut(),
            OutputKind::Direct(file) => file,
        };
        let written = match self.is_mapped {
            true => pwalk_sys::write_mapped(file, self.n_bytes, bytes),
            false => file.write_all(bytes),
        };
        written.map_err(|error| self.error(error))?;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its final name. Returns how many bytes it has.
    pub fn finish(self) -> Result<u64, OutputError> {
        if let OutputKind::Part { part, target } = self.kind {
            settle(part.as_file()).map_err(|error| OutputError::new(&self.name, error.into()))?;
            part.persist(&target).map_err(|error| OutputError::new(&self.name, error.error))?;
        }
        Ok(self.n_bytes)
    }

    /// The part file that must be removed if the process ends before `finish`.
    pub fn part_path(&self) -> Option<&Path> {
        match &self.kind {
            OutputKind::Part { part, .. } => Some(part.path()),
            OutputKind::Direct(_) => None,
        }
    }

    /// Its name, as it was given.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Bytes written so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The final name, with links and `..` resolved; `None` for a stream or device.
    pub fn target(&self) -> Option<&Path> {
        match &self.kind {
            OutputKind::Part { target, .. } => Some(target),
            OutputKind::Direct(_) => None,
        }
    }

    /// The inode that it fills, so that a walk over its own output leaves it out. Devices and
    /// pipes were there before, and stay in.
    pub fn id(&self) -> Option<FileId> {
        let file = match &self.kind {
            OutputKind::Part { part, .. } => part.as_file(),
            OutputKind::Direct(file) => file,
        };
        let stat = fstat(file).ok()?;
        let is_file = Kind::from_mode(stat.st_mode) == Kind::File;
        is_file.then_some(FileId { dev: stat.st_dev, ino: stat.st_ino })
    }
}

/// For libraries that write through `Write`. What they write is buffered by themselves.
impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map(|()| bytes.len()).map_err(|error| error.source)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Brings out the errors that a network filesystem keeps for later: a full disk above all.
///
/// A local one has said so in `write`, and is not made to wait for its disk (that cost 8% of
/// the report of a million files).
fn settle(file: &File) -> rustix::io::Result<()> {
    let magic = u64::from(rustix::fs::fstatfs(file)?.f_type as u32);
    if FsKind::detect(magic, None).is_remote() { rustix::fs::fdatasync(file) } else { Ok(()) }
}

fn open(path: &Path) -> io::Result<OutputKind> {
    let target = resolve(path)?;
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        Ok(metadata) if !metadata.is_file() => open_special(&target, &metadata),
        Ok(metadata) => open_part(target, metadata.permissions().mode() & 0o7777, true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => open_part(target, 0o666, false),
        Err(error) => Err(error),
    }
}

/// Where the bytes go in the end: the path, or behind it if it is a link.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.file_name().is_none() {
        return Err(rustix::io::Errno::ISDIR.into());
    }
    match fs::canonicalize(path) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = match path.parent() {
                Some(parent) if parent != Path::new("") => parent.canonicalize()?,
                _ => Path::new(".").canonicalize()?,
            };
            let name = path.file_name().unwrap_or_default();
            Ok(parent.join(fs::read_link(path).unwrap_or_else(|_| name.into())))
        }
        Err(error) => Err(error),
    }
}

fn open_special(target: &Path, metadata: &fs::Metadata) -> io::Result<OutputKind> {
    if metadata.file_type().is_socket() {
        return Err(io::Error::other("is a socket"));
    }
    fs::OpenOptions::new().write(true).open(target).map(OutputKind::Direct)
}

fn open_part(target: PathBuf, mode: u32, keeps_mode: bool) -> io::Result<OutputKind> {
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let prefix = part_prefix(&target);
    remove_leftovers(folder, &prefix);
    loop {
        let create = |path: &Path| {
            fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(mode & 0o777)
                .open(path)
        };
        // `make_in`, because `tempfile_in` hides the system's error behind a text of its own.
        let part =
            tempfile::Builder::new().prefix(&prefix).suffix(".part").make_in(folder, create)?;
        if keeps_mode {
            // The umask has cut what the file that is replaced had.
            part.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        // Without locks (some network filesystems) leftovers are never removed, that is all.
        let _ = rustix::fs::flock(part.as_file(), FlockOperation::LockExclusive);
        // Another run may have taken it for a leftover before it was locked.
        if fstat(part.as_file())?.st_nlink > 0 {
            return Ok(OutputKind::Part { part, target });
        }
    }
}

fn part_prefix(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().as_bytes();
    // A part file's name is longer than the final one, and a name has at most 255 bytes.
    OsString::from_vec([b".", &name[..name.len().min(230)], b".pwalk-"].concat())
}

/// Removes part files of the same output that no living process holds.
fn remove_leftovers(folder: &Path, prefix: &OsString) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_part =
            name.as_bytes().starts_with(prefix.as_bytes()) && name.as_bytes().ends_with(b".part");
        if !is_part {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let mut file = OutputFile::create(&path).unwrap();
        file.append(b"new content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(file.finish().unwrap(), 11);
        assert_eq!(fs::read(&path).unwrap(), b"new content");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = OutputFile::create(&folder.path().join("a.csv")).unwrap();
        file.append(b"half").unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn t44_leftovers_of_the_dead_are_removed_and_of_the_living_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(folder.path().join(".a.csv.pwalk-dead00.part"), "dead").unwrap();
        fs::write(folder.path().join(".b.csv.pwalk-dead00.part"), "another's").unwrap();
        let living = OutputFile::create(&path).unwrap();
        let second = OutputFile::create(&path).unwrap();
        let mut left = names(folder.path());
        left.retain(|name| name.contains("dead"));
        assert_eq!(left, [".b.csv.pwalk-dead00.part"]);
        second.finish().unwrap();
        living.finish().unwrap();
    }

    #[test]
    fn the_mode_is_that_of_the_umask_or_of_the_file_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&old, "").unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o606)).unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        for path in [&new, &old] {
            OutputFile::create(path).unwrap().finish().unwrap();
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&new), mode(&old)), (mode(&plain), 0o606));
    }

    #[test]
    fn devices_and_links_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let mut null = OutputFile::create(Path::new("/dev/null")).unwrap();
        null.append(b"x").unwrap();
        assert!(null.part_path().is_none() && null.finish().unwrap() == 1);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        OutputFile::create(&link).unwrap().finish().unwrap();
        assert!(link.is_symlink() && folder.path().join("real").is_file());
    }

    #[test]
    fn what_cannot_be_written_is_said_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (folder.path().to_owned(), "Is a directory"),
            (folder.path().join("none/a.csv"), "No such file or directory"),
            (PathBuf::from("/"), "is a directory"),
            (PathBuf::from("/proc/a.csv"), "No such file or directory"),
        ];
        for (path, reason) in cases {
            let error = OutputFile::create(&path).unwrap_err().to_string();
            let expected = format!("{}: {reason}", path.display()).to_lowercase();
            assert_eq!(error.to_lowercase(), expected);
        }
    }
}
