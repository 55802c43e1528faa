//! Which filesystems a walk may meet, from the mount table alone.
//!
//! Mounts of one server are one filesystem here: what counts is who answers, since all requests to
//! it wait in one place. All local ones are one, too: the processors are what they share.

use crate::roots::Roots;
use crate::settings::Settings;
use pwalk_engine::{Filesystems, FsIndex, FsKind, ServedBy, Tuning};
use pwalk_sys::{Mount, RawFilesystem, innermost_mount};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// More than this, and the rest are like the first: each may get hundreds of workers.
const N_MAX: usize = 64;

/// The row of the table of tunings that fits a filesystem.
pub(crate) fn fs_kind(raw: &RawFilesystem, table: &[Mount]) -> &'static FsKind {
    let kind = FsKind::detect(raw.magic, raw.mount.as_ref().map(|mount| mount.fs_type.as_str()));
    raw.mount.as_ref().and_then(|mount| below_overlay(mount, table)).unwrap_or(kind)
}

/// The same from the mount table alone.
fn mount_kind(mount: &Mount, table: &[Mount]) -> &'static FsKind {
    below_overlay(mount, table).unwrap_or_else(|| FsKind::detect(0, Some(&mount.fs_type)))
}

/// The row for what an overlay lies over, if that is not this machine's. In a container its layers
/// are out of sight, and then it counts as local.
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
            if number == 0 {
                found.by_server.insert(found.server(mount), 0);
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

struct Found<'a> {
    table: &'a [Mount],
    /// Each filesystem is asked in its own way; else all as the first.
    is_tuned: bool,
    filesystems: Filesystems,
    by_server: HashMap<Vec<u8>, FsIndex>,
}

impl Found<'_> {
    fn index_of(&mut self, mount: &Mount) -> FsIndex {
        let n_known = self.by_server.len();
        let server = self.server(mount);
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

    /// Who answers the requests to a mount: this machine (nobody), a process, or a server.
    fn server(&self, mount: &Mount) -> Vec<u8> {
        let kind = mount_kind(mount, self.table);
        let name = kind.name.as_bytes();
        match kind.served_by {
            ServedBy::Kernel => Vec::new(),
            ServedBy::Automounter => name.to_vec(),
            // Each is a process of its own.
            ServedBy::Process => [name, b" ", mount.device.as_bytes()].concat(),
            ServedBy::Server => {
                // `server:/export`, `//server/share`, or something of its own.
                let source = mount.source.strip_prefix(b"//").unwrap_or(&mount.source);
                let len = source.iter().position(|&byte| byte == b'/' || byte == b':');
                [name, b" ", &source[..len.unwrap_or(source.len())]].concat()
            }
        }
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
}
