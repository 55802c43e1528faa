//! Files that appear whole or not at all.
//!
//! The bytes go to a temporary file (`crates/pwalk-output/src/temporary.rs`), which gets its final
//! name when it is complete. Where that would do harm (a device, a pipe, standard output) they go
//! straight there. A part of a folder that is not complete itself has its name from the start.

use crate::access::OldAccess;
use crate::temporary::{Temporary, attributes, keeps_names, options};
use pwalk_engine::{FileId, FsKind, Kind};
use rustix::fs::{Mode, StatxAttributes, fstat};
use rustix::process::geteuid;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

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

    /// The output's name, as given.
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

/// What messages call standard output.
pub const STDOUT_NAME: &str = "standard output";

/// Links that a path may lead through, as in the kernel.
const LINKS_MAX: usize = 40;

/// A file being written.
#[derive(Debug)]
pub struct OutputFile {
    /// The name for messages: as given.
    name: PathBuf,
    kind: OutputKind,
    n_bytes: u64,
    /// Bytes go through a memory map.
    is_mapped: bool,
}

#[derive(Debug)]
enum OutputKind {
    /// Gets its final name at the end.
    Temporary(Temporary),
    /// In a folder that is not complete yet.
    Part(File),
    /// A stream or device that takes the bytes as they come.
    Direct(File),
}

impl OutputFile {
    /// Begins the file `path`. A link is followed: the file that it points to is replaced.
    pub fn create(path: &Path) -> Result<OutputFile, OutputError> {
        let kind = open(path).map_err(|error| OutputError::new(path, error))?;
        Ok(OutputFile { name: path.to_owned(), kind, n_bytes: 0, is_mapped: false })
    }

    /// Begins the part `path` of a folder that is not complete itself. `name` is for messages,
    /// `old` a part of the folder that is replaced.
    pub(crate) fn create_part(
        name: PathBuf,
        path: &Path,
        old: Option<&OldAccess>,
    ) -> Result<OutputFile, OutputError> {
        let create = || -> io::Result<File> {
            let file = options(old).create_new(true).open(path)?;
            old.map_or(Ok(()), |old| old.give(&file, 0))?;
            Ok(file)
        };
        let file = create().map_err(|error| OutputError::new(&name, error))?;
        Ok(OutputFile { name, kind: OutputKind::Part(file), n_bytes: 0, is_mapped: false })
    }

    /// Begins writing to standard output.
    pub fn stdout() -> Result<OutputFile, OutputError> {
        let name = PathBuf::from(STDOUT_NAME);
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let kind = stdout.map(|fd| OutputKind::Direct(File::from(fd)));
        let kind = kind.map_err(|error| OutputError::new(&name, error))?;
        Ok(OutputFile { name, kind, n_bytes: 0, is_mapped: false })
    }

    /// From now on writes through a memory map, unless it is a stream, a device or a part.
    pub fn map_writes(&mut self) {
        self.is_mapped = !matches!(self.kind, OutputKind::Direct(_));
    }

    /// Turns an error of the system into one about this file.
    pub fn error(&self, error: io::Error) -> OutputError {
        OutputError::new(&self.name, error)
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let file = match &mut self.kind {
            OutputKind::Temporary(temporary) => temporary.file_mut(),
            OutputKind::Part(file) | OutputKind::Direct(file) => file,
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
        let done = match self.kind {
            OutputKind::Temporary(temporary) => {
                sync_remote(temporary.file()).and_then(|()| temporary.publish())
            }
            OutputKind::Part(file) => sync_remote(&file),
            OutputKind::Direct(_) => Ok(()),
        };
        done.map_err(|error| OutputError::new(&self.name, error))?;
        Ok(self.n_bytes)
    }

    /// The temporary file that must be removed if the process ends before `finish`; `None` where
    /// it has no name, or is a part of a folder that is removed as a whole.
    pub fn temp_path(&self) -> Option<&Path> {
        match &self.kind {
            OutputKind::Temporary(temporary) => temporary.path(),
            OutputKind::Part(_) | OutputKind::Direct(_) => None,
        }
    }

    /// Its name, as given.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Bytes written so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The final name, with links and `..` resolved; `None` for a stream, a device or a part.
    pub fn target(&self) -> Option<&Path> {
        match &self.kind {
            OutputKind::Temporary(temporary) => Some(temporary.target()),
            OutputKind::Part(_) | OutputKind::Direct(_) => None,
        }
    }

    /// The inode that it fills, so that a walk over its own output leaves it out. Devices and
    /// pipes existed before, and are not left out.
    pub fn id(&self) -> Option<FileId> {
        let file = match &self.kind {
            OutputKind::Temporary(temporary) => temporary.file(),
            OutputKind::Part(file) | OutputKind::Direct(file) => file,
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
fn sync_remote(file: &File) -> io::Result<()> {
    let magic = u64::from(rustix::fs::fstatfs(file)?.f_type as u32);
    if FsKind::detect(magic, None).is_remote() { file.sync_data() } else { Ok(()) }
}

fn open(path: &Path) -> io::Result<OutputKind> {
    if let Some(descriptor) = descriptor(path) {
        return fs::OpenOptions::new().append(true).open(descriptor).map(OutputKind::Direct);
    }
    let target = resolve(path)?;
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        Ok(metadata) if !metadata.is_file() => open_special(&target, &metadata),
        Ok(metadata) => {
            check_replaceable(&target, &metadata)?;
            let old = OldAccess::of(&target, &metadata);
            Temporary::create(target, Some(&old)).map(OutputKind::Temporary)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Temporary::create(target, None).map(OutputKind::Temporary)
        }
        Err(error) => Err(error),
    }
}

/// What can't be replaced is refused at once: the rename would say so too, but after the walk.
fn check_replaceable(target: &Path, metadata: &Metadata) -> io::Result<()> {
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    let is_fixed = attributes(target).intersects(fixed);
    let is_kept = target.parent().is_some_and(keeps_names);
    if is_fixed || is_kept || is_kept_by_folder(target, metadata)? {
        return Err(rustix::io::Errno::PERM.into());
    }
    Ok(())
}

/// In a folder with the sticky bit, as `/tmp`, only the owners of a file and of the folder, and
/// root, replace the file.
fn is_kept_by_folder(target: &Path, metadata: &Metadata) -> io::Result<bool> {
    let Some(folder) = target.parent() else { return Ok(false) };
    let folder = folder.metadata()?;
    let own = geteuid().as_raw();
    let is_sticky = folder.mode() & Mode::SVTX.bits() != 0;
    Ok(is_sticky && own != 0 && ![metadata.uid(), folder.uid()].contains(&own))
}

/// The place in `/proc` of a path that means an open descriptor: `/dev/stdout`, `/dev/fd/3`, or a
/// link to one. Its bytes go behind those that are there; the file that it leads to is another
/// program's, and not to be replaced.
fn descriptor(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let folder = path.parent().filter(|parent| *parent != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        let place = folder.join(path.file_name()?);
        if folder.starts_with("/proc") && folder.ends_with("fd") {
            return Some(place);
        }
        path = folder.join(fs::read_link(place).ok()?);
    }
    None
}

/// Where the bytes go in the end: the path, or behind it if it is a link.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
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
            match fs::read_link(path) {
                // To another link, perhaps. A circle of them is another error.
                Ok(link) => resolve(&parent.join(link)),
                Err(_) => Ok(parent.join(path.file_name().unwrap_or_default())),
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::tests::names;
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

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
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn t53_owner_and_group_of_a_replaced_file_are_kept() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::chown(&path, Some(2), Some(1)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        OutputFile::create(&path).unwrap().finish().unwrap();
        let new = fs::metadata(&path).unwrap();
        assert_eq!((new.uid(), new.gid(), new.mode() & 0o7777), (2, 1, 0o640));
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
        assert!(null.temp_path().is_none() && null.finish().unwrap() == 1);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        OutputFile::create(&link).unwrap().finish().unwrap();
        assert!(link.is_symlink() && folder.path().join("real").is_file());
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        std::os::unix::fs::symlink("second", &first).unwrap();
        std::os::unix::fs::symlink("third", &second).unwrap();
        OutputFile::create(&first).unwrap().finish().unwrap();
        assert!(second.is_symlink() && folder.path().join("third").is_file());
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
