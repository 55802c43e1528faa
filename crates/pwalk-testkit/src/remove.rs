//! Removal of any tree: 10,000 levels, paths beyond PATH_MAX, folders nobody may read.
//!
//! Owns the removing. Knows nothing of fixtures.
//!
//! It flattens instead of descending: every folder found inside a folder is first moved up
//! into the top. So no path is ever long, no recursion is needed, two descriptors are open at
//! a time, and `..` (which a mover could point elsewhere) is never followed.

use crate::reach::Way;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, chmodat, fchmod, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes `path` and everything below it; a file or a symbolic link is removed as itself.
///
/// Errors: what the kernel says about the first entry that can't go (a mount point, a missing
/// right in the parent). What was gone by then stays gone.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let mut way = Way::default();
    let (parent, name) = way.to(path.as_os_str().as_bytes())?;
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        result => return Ok(result?),
    }
    empty_top(open_for_removal(parent, name)?)?;
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

fn empty_top(top: OwnedFd) -> io::Result<()> {
    let (top, mut folders) = remove_files(top)?;
    let mut n_moved = 0_u64;
    while let Some(name) = folders.pop() {
        let opened = open_for_removal(top.fd()?, name.as_bytes())?;
        let (folder, inner) = remove_files(opened)?;
        for name in inner {
            folders.push(move_up(folder.fd()?, &name, top.fd()?, &mut n_moved)?);
        }
        unlinkat(top.fd()?, &name, AtFlags::REMOVEDIR)?;
    }
    Ok(())
}

/// Opens a folder and takes the rights to change it. Root needs none, an owner may give them.
fn open_for_removal(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            openat(parent, name, flags, Mode::empty())?
        }
        result => result?,
    };
    fchmod(&opened, Mode::RWXU)?;
    Ok(opened)
}

/// Removes what is not a folder, and returns the names of the folders.
fn remove_files(folder: OwnedFd) -> io::Result<(Dir, Vec<CString>)> {
    let mut folder = Dir::new(folder)?;
    let mut folders = Vec::new();
    for name in names(&mut folder)? {
        match unlinkat(folder.fd()?, &name, AtFlags::empty()) {
            Err(Errno::ISDIR) => folders.push(name),
            result => result?,
        }
    }
    Ok((folder, folders))
}

/// All names before the first is removed: removing while reading may hide some.
fn names(folder: &mut Dir) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in folder {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Moves a folder into the top under a name that is free there.
fn move_up(
    parent: BorrowedFd<'_>,
    name: &CString,
    top: BorrowedFd<'_>,
    n_moved: &mut u64,
) -> io::Result<CString> {
    // The `..` in a folder changes when it moves, so it must be writable itself.
    drop(open_for_removal(parent, name.as_bytes())?);
    loop {
        let new_name = CString::new(format!(".removed-{n_moved}"))?;
        *n_moved += 1;
        match renameat(parent, name, top.as_fd(), &new_name) {
            // Left by an interrupted removal, or a file of that name gone since.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            result => return Ok(result.map(|()| new_name)?),
        }
    }
}
