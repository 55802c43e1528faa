//! What a repair refuses, however it is spelled: the root of the system, and its own folders.
//!
//! Compared are inodes, and where a directory lies in its filesystem: a bind mount of `/usr` somewhere
//! else is still `/usr`.

use crate::error::Error;
use pwalk_engine::{Errno, FileId};
use pwalk_sys::{Mount, innermost_mount};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Protected with what lies in them, besides all in `/` that begins with `lib`.
const FOLDERS: [&str; 11] =
    ["/bin", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var"];

/// What is mounted where. Without it nothing is repaired: a mount of `/etc` could not be told.
pub(crate) fn known_mounts() -> Result<Vec<Mount>, Error> {
    pwalk_sys::mounts().map_err(|errno| Error::root(b"/proc/self/mountinfo", errno))
}

/// The system's own folders.
pub(crate) struct Protected {
    folders: Vec<Folder>,
}

struct Folder {
    /// As messages name it.
    name: PathBuf,
    /// Without symbolic links.
    real: PathBuf,
    id: FileId,
    /// Where it lies on its device.
    place: Option<(String, PathBuf)>,
}

impl Protected {
    /// The folders of this machine.
    pub(crate) fn find(mounts: &[Mount]) -> Protected {
        let mut names: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
        for entry in fs::read_dir("/").into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(b"lib") {
                names.push(entry.path());
            }
        }
        names.push("/".into());
        let folder = |name: PathBuf| {
            let real = name.canonicalize().ok()?;
            let id = id(&real).ok()?;
            Some(Folder { id, place: place(&real, mounts), real, name })
        };
        Protected { folders: names.into_iter().filter_map(folder).collect() }
    }

    /// The protected folder that `path` is, lies in, or has in it by a bind mount. The path must be
    /// canonical.
    pub(crate) fn meets(&self, path: &Path, mounts: &[Mount]) -> Result<Option<&Path>, Errno> {
        for above in path.ancestors() {
            let is_root = above == Path::new("/");
            // Everything lies in `/`.
            if is_root && above != path {
                break;
            }
            let id = id(above)?;
            if let Some(folder) = self.folders.iter().find(|folder| folder.id == id) {
                return Ok(Some(&folder.name));
            }
        }
        Ok(place(path, mounts).and_then(|place| self.holds(&place)))
    }

    /// The protected folder that lies at this place of a device, around it, or in it.
    fn holds(&self, (device, path): &(String, PathBuf)) -> Option<&Path> {
        let meets = |folder: &&Folder| {
            folder.place.as_ref().is_some_and(|(own_device, own)| {
                let is_whole = folder.name == Path::new("/");
                // A directory of the system's disk is not in `/` in the sense of this list.
                let is_in = path.starts_with(own) && (!is_whole || path == own);
                own_device == device && (is_in || own.starts_with(path))
            })
        };
        self.folders.iter().find(meets).map(|folder| &*folder.name)
    }

    /// Where something of them is mounted below `path`. A directory lists what is under a mount, so
    /// that a walk must leave these out by their paths.
    pub(crate) fn mounted_below<'a>(
        &'a self,
        path: &'a Path,
        mounts: &'a [Mount],
    ) -> impl Iterator<Item = &'a Path> {
        let points = mounts.iter().map(|mount| Path::new(OsStr::from_bytes(&mount.point)));
        let points = points.filter(move |point| point.starts_with(path) && *point != path);
        points
            .filter(|point| place(point, mounts).is_some_and(|place| self.holds(&place).is_some()))
    }

    /// Their inodes.
    pub(crate) fn ids(&self) -> impl Iterator<Item = FileId> {
        self.folders.iter().map(|folder| folder.id)
    }

    /// True for a directory that is one of the folders, or lies in one, as far as its path and the
    /// mounts tell. The path must be canonical.
    pub(crate) fn holds_path(&self, path: &Path, mounts: &[Mount]) -> bool {
        let is_in =
            |folder: &Folder| folder.real != Path::new("/") && path.starts_with(&folder.real);
        let is_in_place = |(device, path): (String, PathBuf)| {
            let places = self.folders.iter().filter(|folder| folder.real != Path::new("/"));
            let mut places = places.filter_map(|folder| folder.place.as_ref());
            places.any(|(own_device, own)| *own_device == device && path.starts_with(own))
        };
        self.folders.iter().any(is_in) || place(path, mounts).is_some_and(is_in_place)
    }

    /// True for the path of one of the folders.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| folder.real == path)
    }

    /// True for the inode of one of the folders.
    pub(crate) fn has(&self, id: FileId) -> bool {
        self.folders.iter().any(|folder| folder.id == id)
    }
}

/// Where a directory lies on its device, whatever is mounted where.
fn place(path: &Path, mounts: &[Mount]) -> Option<(String, PathBuf)> {
    let mount = innermost_mount(mounts, path)?;
    let below = path.strip_prefix(OsStr::from_bytes(&mount.point)).ok()?;
    Some((mount.device.clone(), Path::new(OsStr::from_bytes(&mount.root)).join(below)))
}

fn id(path: &Path) -> Result<FileId, Errno> {
    let metadata = fs::metadata(path).map_err(|error| Errno::from_io(&error))?;
    Ok(FileId { dev: metadata.dev(), ino: metadata.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_sys::parse_mountinfo;

    #[test]
    fn the_systems_folders_are_met_by_any_name_and_others_are_not() {
        let mounts = pwalk_sys::mounts().unwrap();
        let protected = Protected::find(&mounts);
        let meets = |path: &str| {
            let path = Path::new(path).canonicalize().unwrap();
            protected.meets(&path, &mounts).unwrap().is_some()
        };
        for path in ["/", "/etc", "/usr", "/usr/share", "/bin", "/lib", "/proc/self", "/var/tmp"] {
            assert!(meets(path), "{path}");
        }
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        assert!(meets(link.to_str().unwrap()));
        assert!(!meets(folder.path().to_str().unwrap()));
    }

    #[test]
    fn a_bind_mount_is_where_it_comes_from() {
        let mounts = parse_mountinfo(
            b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
              2 1 8:1 /usr/share /mnt/share rw - ext4 /dev/sda1 rw\n\
              3 1 8:1 / /mnt/all rw - ext4 /dev/sda1 rw\n\
              4 1 8:1 /data /mnt/data rw - ext4 /dev/sda1 rw\n\
              5 1 8:2 / /mnt/other rw - ext4 /dev/sda2 rw\n",
        );
        let folder = |name: &str, ino| Folder {
            name: name.into(),
            real: name.into(),
            id: FileId { dev: 1, ino },
            place: place(Path::new(name), &mounts),
        };
        let protected = Protected { folders: vec![folder("/usr", 2), folder("/", 1)] };
        let held = |path: &str| protected.holds(&place(Path::new(path), &mounts).unwrap());
        for (path, expected) in [
            ("/mnt/share", Some("/usr")),
            ("/mnt/share/x", Some("/usr")),
            ("/mnt/all", Some("/usr")),
            ("/mnt/all/data", None),
            ("/mnt/data", None),
            ("/mnt/other", None),
            ("/mnt", None),
        ] {
            assert_eq!(held(path), expected.map(Path::new), "{path}");
        }
    }
}
