//! What each kind of filesystem wants: one table.
//!
//! A local disk wants a worker a core. A filesystem that takes a millisecond per request wants
//! many requests in flight: its rate is workers by latency until the processor is full, and
//! small slices, so that the entries of one directory spread over all of them.

use std::fmt;

/// Settings of a walk that depend on the filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Workers for each core that the process may use.
    pub workers_per_core: usize,
    /// The minimum number of workers, however few cores there are.
    pub workers_min: usize,
    /// Entries of a directory that one worker looks at before others may take the rest.
    pub slice_len: usize,
    /// Bytes of one getdents64 buffer. On FUSE and on networks it sizes the request.
    pub buffer_bytes: usize,
    /// Rows of a batch.
    pub batch_len: usize,
}

impl Tuning {
    /// A local disk.
    pub const LOCAL: Tuning = Tuning {
        workers_per_core: 1,
        workers_min: 1,
        slice_len: 200,
        buffer_bytes: 32 << 10,
        batch_len: 1024,
    };

    /// A filesystem where each request crosses a network.
    pub const REMOTE: Tuning = Tuning {
        workers_per_core: 8,
        workers_min: 32,
        slice_len: 32,
        buffer_bytes: 256 << 10,
        batch_len: 1024,
    };

    /// A filesystem served by a process: its request is as large as the buffer.
    pub const FUSE: Tuning = Tuning { workers_per_core: 4, workers_min: 16, ..Tuning::REMOTE };

    /// Workers on a machine that lets this process use `n_cores`.
    pub fn n_workers(&self, n_cores: usize) -> usize {
        (self.workers_per_core * n_cores).max(self.workers_min)
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning::LOCAL
    }
}

/// A row of the table of tunings.
#[derive(Clone, Copy, Debug)]
pub struct FsKind {
    /// The name that people use.
    pub name: &'static str,
    /// Magic numbers of statfs(2).
    pub magics: &'static [u64],
    /// Type names of the mount table; one that ends in a dot is a prefix (`fuse.`).
    pub mount_types: &'static [&'static str],
    /// What it gets.
    pub tuning: Tuning,
    /// Why, in a few words.
    pub reason: &'static str,
}

const NETWORK: &str = "each request crosses the network, so many are kept in flight";
const DISK: &str = "requests are answered by this machine's cores, so one worker per core";

/// All filesystems with a tuning of their own. The first row that fits is used; the last fits all.
pub const TUNINGS: &[FsKind] = &[
    remote("Weka", &[], &["wekafs"]),
    remote("NFS", &[0x6969], &["nfs", "nfs4"]),
    remote("Lustre", &[0x0bd0_0bd0], &["lustre"]),
    remote("BeeGFS", &[0x1983_0326], &["beegfs"]),
    remote("GPFS", &[0x4750_4653], &["gpfs"]),
    remote("SMB", &[0xff53_4d42, 0xfe53_4d42, 0x517b], &["cifs", "smb3"]),
    remote("Ceph", &[0x00c3_6400], &["ceph"]),
    FsKind {
        name: "FUSE",
        magics: &[0x6573_5546],
        mount_types: &["fuse", "fuseblk", "fuse."],
        tuning: Tuning::FUSE,
        reason: "a process answers each request, and a request is as large as the buffer",
    },
    local("ext4", &[0xef53], &["ext4", "ext3", "ext2"]),
    local("XFS", &[0x5846_5342], &["xfs"]),
    local("btrfs", &[0x9123_683e], &["btrfs"]),
    local("ZFS", &[0x2fc1_2fc1], &["zfs"]),
    local("tmpfs", &[0x0102_1994], &["tmpfs"]),
    local("overlay", &[0x794c_7630], &["overlay"]),
    local("local", &[], &[]),
];

const fn remote(
    name: &'static str,
    magics: &'static [u64],
    mount_types: &'static [&'static str],
) -> FsKind {
    FsKind { name, magics, mount_types, tuning: Tuning::REMOTE, reason: NETWORK }
}

const fn local(
    name: &'static str,
    magics: &'static [u64],
    mount_types: &'static [&'static str],
) -> FsKind {
    FsKind { name, magics, mount_types, tuning: Tuning::LOCAL, reason: DISK }
}

impl FsKind {
    /// The row for a filesystem, from statfs's magic number and the mount table's type.
    pub fn detect(magic: u64, mount_type: Option<&str>) -> &'static FsKind {
        let (last, rows) = TUNINGS.split_last().expect("the table has rows");
        rows.iter().find(|row| row.fits(magic, mount_type)).unwrap_or(last)
    }

    /// The row for an unknown filesystem: the last.
    pub fn unknown() -> &'static FsKind {
        FsKind::detect(0, None)
    }

    /// True where calls are not answered by this machine's kernel.
    pub fn is_remote(&self) -> bool {
        self.tuning != Tuning::LOCAL
    }

    fn fits(&self, magic: u64, mount_type: Option<&str>) -> bool {
        let is_type = |known: &&str| match mount_type {
            Some(given) if known.ends_with('.') => given.starts_with(*known),
            Some(given) => given == *known,
            None => false,
        };
        self.magics.contains(&magic) || self.mount_types.iter().any(is_type)
    }
}

impl fmt::Display for FsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filesystems_are_known_by_magic_or_by_mount_type() {
        let cases: [(u64, Option<&str>, &str); 8] = [
            (0x6969, None, "NFS"),
            (0x0bd0_0bd0, Some("lustre"), "Lustre"),
            (0, Some("wekafs"), "Weka"),
            (0x6573_5546, Some("fuse.sshfs"), "FUSE"),
            (0, Some("fuse.gluster"), "FUSE"),
            (0xef53, Some("ext4"), "ext4"),
            (0xdead_beef, Some("newfs"), "local"),
            (0xdead_beef, None, "local"),
        ];
        for (magic, mount_type, name) in cases {
            assert_eq!(FsKind::detect(magic, mount_type).name, name, "{magic:x} {mount_type:?}");
        }
    }

    #[test]
    fn few_cores_still_get_many_workers_on_a_network() {
        assert_eq!(Tuning::REMOTE.n_workers(2), 32);
        assert_eq!(Tuning::REMOTE.n_workers(64), 512);
        assert_eq!(Tuning::LOCAL.n_workers(64), 64);
    }
}
