//! Folders that appear whole or not at all, as files do.
//!
//! The work goes on beside the final folder, in one with a name that follows from it:
//!
//! ```text
//! .NAME.pwalk-work/lock     held by the writer for as long as it lives: one at a time
//! .NAME.pwalk-work/table/   what gets the final name
//! .NAME.pwalk-work/old/     the older table, for a moment, where the two can't be exchanged
//! ```
//!
//! The lock lies beside the table and not in it, so that it is held until the last rename is done.
//! An older table is exchanged for the new one in one step (`RENAME_EXCHANGE`) and removed then.
//! Network filesystems can't do that: there it is put aside first, and for a moment there is no
//! table under the name. After a kill in that moment the next run puts it back.
//!
//! The name of the work folder is the same for every run, so that the next one finds what a kill
//! has left behind. It belongs to the run that holds its lock.

use crate::access::OldAccess;
use crate::dataset::{SUMMARY_NAME, part_number};
use crate::file::{OutputError, OutputFile, resolve};
use crate::temporary::hash;
use pwalk_engine::FileId;
use rustix::fs::{
    Access, AtFlags, CWD, FlockOperation, OFlags, RenameFlags, StatxAttributes, StatxFlags, flock,
    fstat, renameat_with, statx,
};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a name that the name of its work folder repeats.
const NAME_LEN_MAX: usize = 220;

/// A folder being written.
#[derive(Debug)]
pub struct OutputFolder {
    /// The name for messages: as given.
    name: PathBuf,
    /// The final name, with links resolved.
    target: PathBuf,
    work: PathBuf,
    /// Locked. Nobody else touches the work folder while it is open.
    lock: File,
    /// What a folder that was there at the start let whom do.
    old: Option<OldAccess>,
    /// The same of the part in it that lets in the fewest.
    old_part: Option<OldAccess>,
    /// The filesystem knows renames with flags, as far as is known.
    has_rename_flags: bool,
    /// A descriptor to give back before the work is removed, which needs one: a lack of them is
    /// a reason to give up.
    spare: Option<File>,
}

impl OutputFolder {
    /// Begins the folder `path`. A link is followed: the folder that it points to is replaced.
    ///
    /// # Errors
    ///
    /// If it can't be replaced in the end, as far as that can be told now: it contains
    /// anything but a table, is a mount point, or another process is writing it.
    pub fn create(path: &Path) -> Result<OutputFolder, OutputError> {
        let error = |error| OutputError::new(path, error);
        let target = resolve_folder(path).map_err(error)?;
        let is_there = check_target(&target).map_err(error)?.is_some();
        let work = work_folder(&target);
        let spare = Some(File::open("/dev/null").map_err(error)?);
        let lock = lock_work(&work, is_there).map_err(error)?;
        let (name, old, old_part, has_rename_flags) = (path.to_owned(), None, None, true);
        let mut folder =
            OutputFolder { name, target, work, lock, old, old_part, has_rename_flags, spare };
        folder.begin().map_err(error)?;
        Ok(folder)
    }

    /// Where the work goes on.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The final name, with links and `..` resolved.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Its name, as given.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The inodes that it fills or replaces, so that a walk over its own output leaves them out.
    pub fn ids(&self) -> Vec<FileId> {
        let id = |metadata: Metadata| FileId { dev: metadata.dev(), ino: metadata.ino() };
        [&self.work, &self.target]
            .into_iter()
            .filter_map(|path| path.metadata().ok())
            .map(id)
            .collect()
    }

    /// Begins one of its files.
    pub(crate) fn create_file(&self, name: &str) -> Result<OutputFile, OutputError> {
        let (path, old) = (self.table().join(name), self.old_part.as_ref());
        OutputFile::create_part(self.name.join(name), &path, old)
    }

    /// Gives the folder its final name, in the place of an older table.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        let error = |error| OutputError::new(&self.name, error);
        self.publish().map_err(error)
        // What is left of the work is removed by `drop`, the older table with it.
    }

    fn table(&self) -> PathBuf {
        self.work.join("table")
    }

    /// Clears what a killed run has left, and makes the folder of the table.
    fn begin(&mut self) -> io::Result<()> {
        recover(&self.work, &self.target)?;
        // Once more: whoever had the lock before may have replaced it.
        self.old = check_target(&self.target)?.map(|found| OldAccess::of(&self.target, &found));
        if self.old.is_some() {
            self.old_part = narrowest_part(&self.target)?;
        }
        let mode = if self.old.is_some() { 0o700 } else { 0o777 };
        fs::DirBuilder::new().mode(mode).create(self.table())?;
        match &self.old {
            // Parts get the group of a folder with set-group-ID, so it has it before them.
            Some(old) => old.give(File::open(self.table())?, 0o700),
            None => Ok(()),
        }
    }

    fn publish(&self) -> io::Result<()> {
        if let Some(old) = &self.old {
            // A rename of a folder says nothing of the bytes in it, and the older table goes.
            sync_files(&self.table())?;
            old.give(File::open(self.table())?, 0)?;
        }
        self.take_name().map_err(|error| self.keep_nearby(error))
    }

    fn take_name(&self) -> io::Result<()> {
        match self.rename(RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => self.replace(),
            // Without flags a rename replaces an empty folder, and nothing else.
            Err(error) if is_unknown(error) => match fs::rename(self.table(), &self.target) {
                Err(error) if is_taken(&error) => self.replace(),
                done => done,
            },
            done => Ok(done?),
        }
    }

    /// Puts the table in the place of the folder that is there.
    fn replace(&self) -> io::Result<()> {
        if !fs::symlink_metadata(&self.target)?.is_dir() {
            return Err(Errno::EXIST.into());
        }
        match self.rename(RenameFlags::EXCHANGE) {
            Ok(()) => keep_foreign(&self.table(), &self.target),
            Err(error) if is_unknown(error) => self.replace_in_steps()?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn replace_in_steps(&self) -> io::Result<()> {
        let aside = self.work.join("old");
        fs::rename(&self.target, &aside)?;
        if let Err(error) = fs::rename(self.table(), &self.target) {
            fs::rename(&aside, &self.target)?;
            return Err(error);
        }
        keep_foreign(&aside, &self.target);
        Ok(())
    }

    /// A table that is complete and can't have its name (the layers of a container don't let a
    /// folder be renamed) is not thrown away after a walk of days: it gets another one.
    fn keep_nearby(&self, error: io::Error) -> io::Error {
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        let mut prefix = self.target.file_name().unwrap_or_default().to_owned();
        prefix.push("-");
        let keep = |path: &Path| {
            fs::create_dir(path)?;
            fs::rename(self.table(), path)
        };
        let kept = tempfile::Builder::new().prefix(&prefix).make_in(folder, keep);
        let Ok(Ok(path)) = kept.map(|kept| kept.into_temp_path().keep()) else { return error };
        let reason = crate::file::reason(&error);
        io::Error::other(format!(
            "can't be replaced ({reason}); the new table is at {}",
            path.display()
        ))
    }

    fn rename(&self, flags: RenameFlags) -> rustix::io::Result<()> {
        if !self.has_rename_flags {
            return Err(Errno::INVAL);
        }
        renameat_with(CWD, self.table(), CWD, &self.target, flags)
    }
}

impl Drop for OutputFolder {
    /// Removes the work. An error here would hide the one that led here.
    fn drop(&mut self) {
        self.spare = None;
        // Without its name the lock keeps nobody out: the work was abandoned.
        if fstat(&self.lock).is_ok_and(|lock| lock.st_nlink > 0) {
            let _ = remove_work(&self.work, &self.target);
        }
    }
}

/// The folder in which the table `target` is written.
pub fn work_folder(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let mut work = [b".", &name[..name.len().min(NAME_LEN_MAX)]].concat();
    if name.len() > NAME_LEN_MAX {
        work.extend_from_slice(format!("-{:08x}", hash(name)).as_bytes());
    }
    work.extend_from_slice(b".pwalk-work");
    target.with_file_name(OsString::from_vec(work))
}

/// Removes a work folder that this process has locked. An older table that was put aside gets its
/// name back.
pub(crate) fn remove_work(work: &Path, target: &Path) -> io::Result<()> {
    recover(work, target)?;
    // The lock last: from then on the folder may be another's.
    fs::remove_file(work.join("lock"))?;
    fs::remove_dir(work)
}

/// Brings a work folder to its beginning.
fn recover(work: &Path, target: &Path) -> io::Result<()> {
    let aside = work.join("old");
    if aside.exists() {
        if target.exists() { remove_table(&aside)? } else { fs::rename(&aside, target)? }
    }
    remove_table(&work.join("table"))
}

/// Removes a folder of ours, if it is there, and nothing in it that isn't.
fn remove_table(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if !metadata.is_dir() => return Err(Errno::NOTDIR.into()),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_ours(&entry) {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if is_taken(&error) => {
            let name = find_foreign(folder)?.unwrap_or_default();
            Err(holds(&folder.join(name)))
        }
        done => done,
    }
}

/// What somebody has put into the older table while the new one was written goes over.
fn keep_foreign(old: &Path, new: &Path) {
    let Ok(entries) = fs::read_dir(old) else { return };
    for entry in entries.flatten().filter(|entry| !is_ours(entry)) {
        let to = new.join(entry.file_name());
        // A link with the name of a part must not replace it: it stays in the work folder.
        if fs::symlink_metadata(&to).is_err() {
            let _ = fs::rename(entry.path(), to);
        }
    }
}

/// Where a folder really is, or would be.
fn resolve_folder(path: &Path) -> io::Result<PathBuf> {
    // Without the slash at its end, which would hide that it is a link.
    let path = path.components().as_path();
    path.canonicalize().or_else(|_| resolve(path))
}

/// Refuses what could not be replaced at the end. Returns what is known of a folder that is there.
fn check_target(target: &Path) -> io::Result<Option<Metadata>> {
    let refuse = |why: &str| Err(io::Error::other(why));
    let Some(parent) = target.parent() else { return refuse("is the root of the filesystem") };
    let metadata = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return Err(Errno::NOTDIR.into());
    }
    let is_same = |other: &Metadata| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino());
    if fs::metadata(".").is_ok_and(|here| is_same(&here)) {
        return refuse(
            "is the working directory, which can't be replaced: choose a folder inside it",
        );
    }
    if is_mount_point(target) {
        return refuse("is a mount point, which can't be replaced: choose a folder inside it");
    }
    if let Some(name) = find_foreign(target)? {
        return Err(holds(Path::new(&name)));
    }
    // It moves into another folder, and then it is emptied.
    rustix::fs::access(target, Access::WRITE_OK | Access::EXEC_OK)?;
    let parent = fs::metadata(parent)?;
    let me = rustix::process::geteuid().as_raw();
    let is_free = !is_sticky(&parent) || [0, metadata.uid(), parent.uid()].contains(&me);
    if !is_free {
        return refuse("belongs to another user, so it can't be replaced in a sticky directory");
    }
    Ok(Some(metadata))
}

fn is_mount_point(path: &Path) -> bool {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Makes the work folder, or takes over that of a dead process, and locks it.
fn lock_work(work: &Path, replaces: bool) -> io::Result<File> {
    loop {
        let is_new = match fs::create_dir(work) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) if replaces => return Err(cannot_stand_beside(work, &error)),
            Err(error) => return Err(error),
        };
        if !is_new {
            check_owner(work)?;
        }
        let path = work.join("lock");
        let flags = OFlags::NOFOLLOW.bits() as i32;
        // For writing, because NFS locks no other.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = match options.open(&path) {
            // Whoever had it has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if !is_new && error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(is_anothers(work));
            }
            Err(error) if is_new => {
                // Fails if another one has come in between.
                let _ = fs::remove_dir(work);
                return Err(error);
            }
            file => file?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(io::Error::other("another pwalk is writing to it"));
            }
            // Without locks whoever makes the folder has it.
            Err(_) if is_new => {}
            Err(error) => return Err(cannot_be_locked(work, error)),
        }
        let open = fstat(&file)?;
        if fs::symlink_metadata(&path).is_ok_and(|path| path.ino() == open.st_ino) {
            return Ok(file);
        }
    }
}

/// Anybody can have made it, where everybody may write.
fn check_owner(work: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(work) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let parent = fs::metadata(work.parent().unwrap_or(Path::new("/")))?;
    let is_mine = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && (is_mine || !is_sticky(&parent)) {
        return Ok(());
    }
    Err(is_anothers(work))
}

fn is_anothers(work: &Path) -> io::Error {
    io::Error::other(format!("{} belongs to another user", work.display()))
}

fn is_sticky(folder: &Metadata) -> bool {
    folder.mode() & 0o1000 != 0
}

fn cannot_stand_beside(work: &Path, error: &io::Error) -> io::Error {
    let parent = work.parent().unwrap_or(Path::new("/")).display();
    let reason = crate::file::reason(error);
    io::Error::other(format!("can't be replaced, because {parent} is not writable: {reason}"))
}

fn cannot_be_locked(work: &Path, error: Errno) -> io::Error {
    let (work, reason) = (work.display(), crate::file::reason(&error.into()));
    let hint = "remove it if no pwalk is writing";
    io::Error::other(format!("{work} exists and can't be locked ({reason}): {hint}"))
}

fn holds(name: &Path) -> io::Error {
    io::Error::other(format!("contains {}, which is not part of a table", name.display()))
}

/// A name in a folder that is not part of a table.
fn find_foreign(folder: &Path) -> io::Result<Option<OsString>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_ours(&entry) {
            return Ok(Some(entry.file_name()));
        }
    }
    Ok(None)
}

fn is_ours(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let is_known =
        name == SUMMARY_NAME || name.to_str().is_some_and(|name| part_number(name).is_some());
    is_known && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// What the part of an older table that lets in the fewest lets whom do; `None` if it has none.
fn narrowest_part(folder: &Path) -> io::Result<Option<OldAccess>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_ours(&entry) {
            parts.push((entry.metadata()?, entry.path()));
        }
    }
    let narrowest = parts.iter().min_by_key(|(part, _)| (part.mode() & 0o077).count_ones());
    Ok(narrowest.map(|(part, path)| OldAccess::of(path, part)))
}

fn sync_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_data()?;
    }
    Ok(())
}

/// The filesystem, or the kernel, doesn't know the flags of a rename.
fn is_unknown(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// Something is where a folder was to be, or in one that was to be removed.
fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::EXIST | Errno::NOTEMPTY)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::tests::names;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    /// Begins a table of parts that hold `text`.
    fn begin(target: &Path, n_parts: usize, text: &str) -> OutputFolder {
        let folder = OutputFolder::create(target).unwrap();
        for number in 0..n_parts {
            let mut part = folder.create_file(&format!("part-{number:05}.csv")).unwrap();
            part.append(text.as_bytes()).unwrap();
            part.finish().unwrap();
        }
        folder
    }

    fn read(target: &Path) -> String {
        let text = |name: &String| fs::read_to_string(target.join(name)).unwrap();
        names(target).iter().map(text).collect()
    }

    #[test]
    fn t52_every_way_to_replace_a_folder_ends_with_the_new_one() {
        for has_rename_flags in [true, false] {
            let parent = tempfile::tempdir().unwrap();
            let target = parent.path().join("scan");
            for (n_parts, text) in [(2, "a"), (3, "b"), (1, "c")] {
                let mut folder = begin(&target, n_parts, text);
                folder.has_rename_flags = has_rename_flags;
                folder.finish().unwrap();
                assert_eq!(read(&target), text.repeat(n_parts));
                assert_eq!(names(parent.path()), ["scan"]);
            }
        }
    }

    #[test]
    fn t52_what_is_dropped_leaves_the_older_table() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        drop(begin(&target, 2, "x"));
        assert_eq!(names(parent.path()), [""; 0]);
        begin(&target, 2, "old").finish().unwrap();
        drop(begin(&target, 1, "new"));
        assert_eq!((read(&target).as_str(), names(parent.path()).len()), ("oldold", 1));
    }

    #[test]
    fn t52_what_a_kill_leaves_is_taken_over() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        let work = work_folder(&target);
        fs::create_dir_all(work.join("table")).unwrap();
        fs::write(work.join("lock"), "").unwrap();
        fs::write(work.join("table/part-00007.csv"), "dead").unwrap();
        begin(&target, 1, "new").finish().unwrap();
        assert_eq!((read(&target).as_str(), names(parent.path()).len()), ("new", 1));
    }

    /// Killed between the two renames of a filesystem that can't exchange.
    #[test]
    fn t52_a_table_that_was_put_aside_comes_back() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        let work = work_folder(&target);
        fs::create_dir_all(work.join("old")).unwrap();
        fs::write(work.join("old/part-00000.csv"), "old").unwrap();
        drop(begin(&target, 1, "new"));
        assert_eq!((read(&target).as_str(), names(parent.path()).len()), ("old", 1));
    }

    #[test]
    fn t52_of_many_writers_one_at_a_time_has_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        let write = |writer: usize| {
            let mut n_refused = 0;
            for _ in 0..50 {
                match OutputFolder::create(&target) {
                    Ok(folder) => {
                        let mut part = folder.create_file("part-00000.csv").unwrap();
                        part.append(&[b'0' + writer as u8]).unwrap();
                        let mut part = folder.create_file("part-00001.csv").unwrap();
                        part.append(&[b'0' + writer as u8]).unwrap();
                        folder.finish().unwrap();
                    }
                    Err(error) => {
                        assert!(
                            error.to_string().ends_with("another pwalk is writing to it"),
                            "{error}"
                        );
                        n_refused += 1;
                    }
                }
            }
            n_refused
        };
        let n_refused: usize = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4).map(|n| scope.spawn(move || write(n))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).sum()
        });
        assert!(n_refused < 200, "somebody wrote");
        let text = read(&target);
        assert!(text.len() == 2 && text.as_bytes()[0] == text.as_bytes()[1], "{text}");
        assert_eq!(names(parent.path()), ["scan"]);
    }

    #[test]
    fn t52_a_reader_finds_the_older_table_until_the_new_one_is_there() {
        use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        begin(&target, 2, "0").finish().unwrap();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Relaxed) {
                    assert!(target.join("part-00001.csv").exists(), "never is there none");
                }
            });
            for number in 1..50 {
                let folder = begin(&target, 2, &number.to_string());
                assert_eq!(read(&target), (number - 1).to_string().repeat(2));
                folder.finish().unwrap();
                assert_eq!(read(&target), number.to_string().repeat(2));
            }
            is_done.store(true, Relaxed);
        });
    }

    #[test]
    fn t53_parts_let_in_nobody_whom_the_older_ones_kept_out() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        begin(&target, 2, "old").finish().unwrap();
        fs::set_permissions(target.join("part-00001.csv"), Permissions::from_mode(0o600)).unwrap();
        begin(&target, 3, "new").finish().unwrap();
        for name in names(&target) {
            let mode = fs::metadata(target.join(&name)).unwrap().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{name}");
        }
    }

    #[test]
    fn what_somebody_puts_into_the_older_table_is_kept() {
        for has_rename_flags in [true, false] {
            let parent = tempfile::tempdir().unwrap();
            let target = parent.path().join("scan");
            begin(&target, 1, "old").finish().unwrap();
            let mut folder = begin(&target, 1, "new");
            folder.has_rename_flags = has_rename_flags;
            fs::write(target.join("notes.txt"), "").unwrap();
            folder.finish().unwrap();
            assert_eq!(names(&target), ["notes.txt", "part-00000.csv"]);
            assert_eq!((read(&target).as_str(), names(parent.path()).len()), ("new", 1));
            let error = OutputFolder::create(&target).unwrap_err().to_string();
            assert!(
                error.ends_with("scan: contains notes.txt, which is not part of a table"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_somebody_puts_into_the_older_table_replaces_no_part() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        begin(&target, 1, "old").finish().unwrap();
        let folder = begin(&target, 1, "new");
        fs::remove_file(target.join("part-00000.csv")).unwrap();
        std::os::unix::fs::symlink("elsewhere", target.join("part-00000.csv")).unwrap();
        folder.finish().unwrap();
        assert_eq!(read(&target), "new");
    }

    #[test]
    fn a_complete_table_that_cannot_have_its_name_gets_another() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("scan");
        let folder = begin(&target, 2, "new");
        fs::write(&target, "somebody's").unwrap();
        let error = folder.finish().unwrap_err().to_string();
        assert!(error.contains("can't be replaced (File exists); the new table is at "), "{error}");
        let kept = PathBuf::from(error.split(" is at ").last().unwrap());
        assert_eq!((read(&kept).as_str(), names(parent.path()).len()), ("newnew", 2));
    }

    #[test]
    fn a_work_folder_of_another_user_is_not_touched_where_everybody_may_write() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), Permissions::from_mode(0o1777)).unwrap();
        let target = parent.path().join("scan");
        let work = work_folder(&target);
        fs::create_dir(&work).unwrap();
        std::os::unix::fs::chown(&work, Some(65_534), Some(65_534)).unwrap();
        let error = OutputFolder::create(&target).unwrap_err().to_string();
        assert!(error.ends_with(".scan.pwalk-work belongs to another user"), "{error}");
    }

    #[test]
    fn every_name_has_a_work_folder_of_its_own() {
        let long = |end: &str| PathBuf::from(format!("/x/{}{end}", "n".repeat(250)));
        let (one, other) = (work_folder(&long("a")), work_folder(&long("b")));
        assert!(one != other && one.file_name().unwrap().len() <= 255);
        assert_eq!(work_folder(Path::new("/x/scan")), Path::new("/x/.scan.pwalk-work"));
    }
}
