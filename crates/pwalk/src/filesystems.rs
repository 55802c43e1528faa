//! Which filesystems a walk may meet, from the mount table alone.
//!
//! Mounts of one server are one filesystem here: what counts is who answers, since all requests to
//! it wait in one place. All local ones are one, too: the processors are what they share.

use crate::roots::Roots;
use crate::settings::Settings;
use pwalk_engine::{Filesystems, FsIndex, FsKind, Tuning};
use pwalk_sys::{Mount, innermost_mount};
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;

/// More than this, and the rest are like the first: each may get hundreds of workers.
const N_MAX: usize = 64;

/// The filesystems of the roots and of all that is mounted below them. `first` is the tuning of the
/// first root's.
pub(crate) fn filesystems(
    roots: &Roots,
    table: &[Mount],
    settings: &Settings,
    first: Tuning,
) -> Filesystems {
    let mut found = Found { filesystems: Filesystems::new(first), by_server: HashMap::new() };
    if !(settings.detect_filesystem && settings.auto_tune) {
        return found.filesystems;
    }
    for (number, (path, resolved)) in roots.resolved().enumerate() {
        if let Some(mount) = innermost_mount(table, resolved) {
            if number == 0 {
                found.by_server.insert(server(mount), 0);
            }
            let index = found.index_of(mount);
            found.filesystems.set_path(path, index);
        }
    }
    for mount in table {
        for printed in roots.printed(std::ffi::OsStr::from_bytes(&mount.point).as_ref()) {
            let index = found.index_of(mount);
            found.filesystems.set_path(&printed, index);
        }
    }
    found.filesystems
}

struct Found {
    filesystems: Filesystems,
    by_server: HashMap<Vec<u8>, FsIndex>,
}

impl Found {
    fn index_of(&mut self, mount: &Mount) -> FsIndex {
        let n_known = self.by_server.len();
        let index = match self.by_server.get(&server(mount)) {
            Some(&index) => index,
            None if n_known >= N_MAX => 0,
            None => {
                let kind = FsKind::detect(0, Some(&mount.fs_type));
                let index = self.filesystems.add(kind.tuning);
                self.by_server.insert(server(mount), index);
                index
            }
        };
        if let Some(device) = mount.device() {
            self.filesystems.set_device(device, index);
        }
        index
    }
}

/// Who answers the requests to a mount: this machine (nobody), a process, or a server.
fn server(mount: &Mount) -> Vec<u8> {
    if !FsKind::detect(0, Some(&mount.fs_type)).is_remote() {
        return Vec::new();
    }
    if mount.fs_type.starts_with("fuse") {
        // Each is a process of its own.
        return [mount.fs_type.as_bytes(), b" ", mount.device.as_bytes()].concat();
    }
    // `server:/export`, `//server/share`, or something of its own.
    let source = mount.source.strip_prefix(b"//").unwrap_or(&mount.source);
    let len = source.iter().position(|&byte| byte == b'/' || byte == b':');
    let server = &source[..len.unwrap_or(source.len())];
    [mount.fs_type.as_bytes(), b" ", server].concat()
}
