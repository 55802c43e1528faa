//! Which filesystems a walk may meet, from the mount table alone.
//!
//! Mounts of one server are one filesystem here, since all requests to the server wait in one queue.
//! All local filesystems are one as well: they share the processors.

use crate::roots::Roots;
use crate::settings::Settings;
use pwalk_engine::{Filesystems, FsIndex, FsKind, ServedBy, Tuning};
use pwalk_sys::{Mount, RawFilesystem, innermost_mount};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Filesystems beyond this number share the workers of the first: each may get hundreds of threads.
const N_MAX: usize = 64;

/// Symbolic links that the kernel follows in one path.
const N_LINKS_MAX: usize = 40;

/// The row of the table of tunings that fits a filesystem.
pub(crate) fn fs_kind(raw: &RawFilesystem, table: &[Mount]) -> &'static FsKind {
    let kind = FsKind::detect(raw.magic, raw.mount.as_ref().map(|mount| mount.fs_type.as_str()));
    raw.mount.as_ref().and_then(|mount| below_overlay(mount, table)).unwrap_or(kind)
}

/// The same from the mount table alone.
fn mount_kind(mount: &Mount, table: &[Mount]) -> &'static FsKind {
    below_overlay(mount, table).unwrap_or_else(|| FsKind::detect(0, Some(&mount.fs_type)))
}

/// The row for the layers of an overlay, if one of them is not on this machine. In a container the
/// mount table does not show the layers, and the overlay counts as local.
fn below_overlay(mount: &Mount, table: &[Mount]) -> Option<&'static FsKind> {
    if mount.fs_type != "overlay" {
        return None;
    }
    let layers = |option: &[u8]| -> Option<Vec<u8>> {
        let named = [&b"lowerdir="[..], b"lowerdir+=", b"datadir+=", b"upperdir="];
        named.iter().find_map(|name| option.strip_prefix(*name)).map(<[u8]>::to_vec)
    };
    let layers = mount.fs_options.split(|&byte| byte == b',').filter_map(layers);
    let paths: Vec<u8> = layers.collect::<Vec<_>>().join(&b':');
    let paths = paths.split(|&byte| byte == b':').filter(|path| path.starts_with(b"/"));
    let kinds = paths.filter_map(|path| innermost_mount(table, Path::new(OsStr::from_bytes(path))));
    let mut kinds = kinds.map(|mount| FsKind::detect(0, Some(&mount.fs_type)));
    kinds.find(|kind| kind.is_remote())
}

/// The filesystems of the roots and of all that is mounted below them. `first` is the tuning of the
/// first root's.
pub(crate) fn filesystems(
    roots: &Roots,
    table: &[Mount],
    settings: &Settings,
    first: Tuning,
) -> Filesystems {
    let is_tuned = settings.detect_filesystem && settings.auto_tune;
    let filesystems = Filesystems::new(first);
    let mut found = Found { table, is_tuned, filesystems, by_server: HashMap::new() };
    for (number, (path, resolved)) in roots.resolved().enumerate() {
        if let Some(mount) = innermost_mount(table, resolved) {
            // What is mounted on an automounter is another filesystem.
            if number == 0 && !found.is_trigger(mount) {
                found.by_server.insert(server(mount, table), 0);
            }
            let index = found.index_of(mount);
            found.filesystems.set_path(path, index);
        }
    }
    for mount in table {
        let is_trigger = found.is_trigger(mount);
        for printed in roots.printed(to_path(&mount.point)) {
            let index = found.index_of(mount);
            found.filesystems.set_path(&printed, index);
            if is_trigger && has_option(mount, b"indirect") {
                found.filesystems.set_open(&printed);
            }
        }
        found.open_above(mount, roots);
    }
    found.filesystems
}

/// Mounts below a path that share one pool of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountsBelow {
    /// Where they are.
    pub points: Vec<PathBuf>,
    /// What their filesystem is.
    pub kind: &'static str,
    /// Who answers.
    pub served_by: ServedBy,
    /// Their workers are those of the path itself.
    pub is_shared: bool,
    /// Workers to begin with, and at most.
    pub workers: (usize, usize),
}

/// The mounts below a path, which may hold others of its own server, by their pools.
pub(crate) fn mounts_below(path: &Path, table: &[Mount], n_cores: usize) -> Vec<MountsBelow> {
    let Ok(path) = path.canonicalize() else { return Vec::new() };
    let own = innermost_mount(table, &path).map(|mount| server(mount, table));
    let mut pools: Vec<(Vec<u8>, MountsBelow)> = Vec::new();
    // Of several mounts at one point, the last covers the others.
    let is_covered = |at: usize| table[at + 1..].iter().any(|later| later.point == table[at].point);
    for (at, mount) in table.iter().enumerate() {
        let point = to_path(&mount.point);
        if !point.starts_with(&path) || point == path || is_covered(at) {
            continue;
        }
        let (server, kind) = (server(mount, table), mount_kind(mount, table));
        match pools.iter_mut().find(|(known, _)| *known == server) {
            Some((_, pool)) => pool.points.push(point.to_owned()),
            None => {
                let is_shared = own.as_ref() == Some(&server);
                let workers = (kind.tuning.n_workers(n_cores), kind.tuning.workers_max);
                let (kind, served_by) = (kind.name, kind.served_by);
                let points = vec![point.to_owned()];
                let pool = MountsBelow { points, kind, served_by, is_shared, workers };
                pools.push((server, pool));
            }
        }
    }
    pools.into_iter().map(|(_, pool)| pool).collect()
}

/// True if one of the paths is on a filesystem that this kernel doesn't answer for, or leads there,
/// or has one below. Nothing that may hang is touched.
pub fn may_hang<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> bool {
    let table = pwalk_sys::mounts().unwrap_or_default();
    let is_local = |mount: &&Mount| mount_kind(mount, &table).served_by == ServedBy::Kernel;
    let points = table.iter().filter(|mount| !is_local(mount));
    let points: Vec<_> = points.map(|mount| to_path(&mount.point)).collect();
    !points.is_empty() && paths.into_iter().any(|path| meets(path.as_ref(), &points))
}

/// Follows symbolic links one by one, up to the first of the mount points.
fn meets(path: &Path, points: &[&Path]) -> bool {
    let Ok(mut at) = std::env::current_dir() else { return true };
    let parts = |path: &Path| -> Vec<PathBuf> {
        path.components().rev().map(|part| part.as_os_str().into()).collect()
    };
    let (mut rest, mut n_links) = (parts(path), 0);
    loop {
        if points.iter().any(|point| at.starts_with(point)) {
            return true;
        }
        let Some(part) = rest.pop() else { break };
        if part.as_os_str() == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        let is_reached = points.iter().any(|point| at.starts_with(point));
        if !is_reached && let Ok(target) = at.read_link() {
            at.pop();
            rest.extend(parts(&target));
            n_links += 1;
        }
        if n_links > N_LINKS_MAX {
            return true;
        }
    }
    points.iter().any(|point| point.starts_with(&at))
}

struct Found<'a> {
    table: &'a [Mount],
    /// Each filesystem has its own tuning; else all have that of the first.
    is_tuned: bool,
    filesystems: Filesystems,
    by_server: HashMap<Vec<u8>, FsIndex>,
}

impl Found<'_> {
    fn index_of(&mut self, mount: &Mount) -> FsIndex {
        let n_known = self.by_server.len();
        let server = server(mount, self.table);
        let is_trigger = self.is_trigger(mount);
        let index = match self.by_server.get(&server) {
            Some(&index) => index,
            None if !is_trigger && (n_known >= N_MAX || !self.is_tuned) => 0,
            None => {
                let index = self.filesystems.add(mount_kind(mount, self.table).tuning);
                self.by_server.insert(server, index);
                index
            }
        };
        if is_trigger {
            self.filesystems.set_trigger(index);
        }
        if let Some(device) = mount.device() {
            self.filesystems.set_device(device, index);
        }
        index
    }

    fn is_trigger(&self, mount: &Mount) -> bool {
        mount_kind(mount, self.table).served_by == ServedBy::Automounter
    }

    /// A directory of an automounter with a mount below it is opened without mounting anything.
    fn open_above(&mut self, mount: &Mount, roots: &Roots) {
        for above in to_path(&mount.point).ancestors().skip(1) {
            match innermost_mount(self.table, above) {
                Some(holder) if self.is_trigger(holder) => {
                    roots.printed(above).for_each(|path| self.filesystems.set_open(&path));
                }
                _ => return,
            }
        }
    }
}

/// Who answers the requests to a mount: this machine (nobody), a process, or a server.
fn server(mount: &Mount, table: &[Mount]) -> Vec<u8> {
    let kind = mount_kind(mount, table);
    let name = kind.name.as_bytes();
    match kind.served_by {
        ServedBy::Kernel => Vec::new(),
        ServedBy::Automounter => name.to_vec(),
        // Each is a process of its own.
        ServedBy::Process => [name, b" ", mount.device.as_bytes()].concat(),
        ServedBy::Server => [name, b" ", host(&mount.source)].concat(),
    }
}

/// The server in `server:/export`, `[2001:db8::1]:/export` or `//server/share`; of another source, what
/// comes before a colon or slash.
fn host(source: &[u8]) -> &[u8] {
    let until = |source: &'_ [u8], ends: &[u8]| {
        source.iter().position(|byte| ends.contains(byte)).unwrap_or(source.len())
    };
    match source {
        [b'/', b'/', share @ ..] => &share[..until(share, b"/")],
        [b'[', ..] => &source[..until(source, b"]/")],
        _ => &source[..until(source, b":/")],
    }
}

fn has_option(mount: &Mount, option: &[u8]) -> bool {
    mount.fs_options.split(|&byte| byte == b',').any(|known| known == option)
}

fn to_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pwalk_sys::parse_mountinfo;

    #[test]
    fn mounts_of_one_server_are_one_filesystem_and_those_of_two_are_two() {
        let table = parse_mountinfo(
            b"1 0 0:30 / /a rw - nfs4 [2001:db8::1]:/a rw\n\
              2 0 0:31 / /b rw - nfs [2001:db8::1]:/b rw\n\
              3 0 0:32 / /c rw - nfs4 [2001:db8::2]:/a rw\n\
              4 0 0:33 / /d rw - nfs4 filer:/a rw\n\
              5 0 0:34 / /e rw - nfs filer:/b rw\n\
              6 0 0:35 / /f rw - cifs //filer/share rw\n\
              7 0 0:36 / /g rw - cifs //fe80::1/share rw\n\
              8 0 0:37 / /h rw - cifs //fe80::2/share rw\n\
              9 0 0:38 / /i rw - lustre 10.0.0.1@tcp:10.0.0.2@tcp:/work rw\n\
              10 0 0:39 / /j rw - fuse.sshfs host:/a rw\n\
              11 0 0:40 / /k rw - fuse.sshfs host:/b rw\n\
              12 0 8:1 / /l rw - ext4 /dev/sda1 rw\n\
              13 0 8:2 / /m rw - xfs /dev/sda2 rw\n",
        );
        let servers: Vec<_> = table.iter().map(|mount| server(mount, &table)).collect();
        let first = |server| servers.iter().position(|known| known == server).unwrap();
        let numbers: Vec<_> = servers.iter().map(first).collect();
        assert_eq!(numbers, [0, 0, 2, 3, 3, 5, 6, 7, 8, 9, 10, 11, 11]);
    }

    #[test]
    fn an_overlay_is_tuned_for_what_it_lies_over() {
        let table = parse_mountinfo(
            b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
              2 1 0:30 / /nfs rw - nfs4 server:/export rw\n\
              3 1 0:31 / /near rw - overlay overlay rw,lowerdir=/usr:/opt,upperdir=/up,workdir=/w\n\
              4 1 0:32 / /far rw - overlay overlay rw,lowerdir=/usr:/nfs/image,upperdir=/up\n\
              5 1 0:33 / /hidden rw - overlay overlay rw,lowerdir=l/AB:l/CD\n",
        );
        let kinds: Vec<_> = table.iter().map(|mount| mount_kind(mount, &table).name).collect();
        assert_eq!(kinds, ["ext4", "NFS", "overlay", "NFS", "overlay"]);
    }

    #[test]
    fn mounts_below_a_path_are_grouped_by_who_answers() {
        let table = parse_mountinfo(
            b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
              2 1 8:2 / /usr rw - xfs /dev/sda2 rw\n\
              3 1 0:30 / /usr/share rw - nfs4 server:/share rw\n\
              4 1 0:31 / /usr/lib rw - nfs4 server:/lib rw\n\
              5 1 0:32 / /usr/local rw - autofs auto rw,direct\n\
              6 1 8:3 / /usr/local rw - ext4 /dev/sda3 rw\n\
              7 1 8:4 / /opt rw - ext4 /dev/sda4 rw\n",
        );
        let found = mounts_below(Path::new("/usr"), &table, 4);
        let found: Vec<_> = found
            .iter()
            .map(|pool| (pool.kind, pool.points.len(), pool.is_shared, pool.workers.0))
            .collect();
        assert_eq!(found, [("NFS", 2, false, 8), ("ext4", 1, true, 4)]);
    }

    #[test]
    fn a_path_meets_what_it_leads_to_and_what_is_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(at.join("a/b")).unwrap();
        std::os::unix::fs::symlink("../far/x", at.join("a/link")).unwrap();
        std::os::unix::fs::symlink("loop", at.join("loop")).unwrap();
        let far = at.join("far");
        let meets = |path: &str| meets(&at.join(path), &[&far]);
        assert!(
            ["", "far", "far/x", "a/..", "a/link", "a/link/y", "loop"].iter().all(|p| meets(p))
        );
        assert!(!["a", "a/b", "faraway", "a/b/../none"].iter().any(|p| meets(p)));
    }
}
