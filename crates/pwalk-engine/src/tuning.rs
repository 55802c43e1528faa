//! What each kind of filesystem wants: one table.
//!
//! Only a beginning: how many requests are worth it, and how long they take, is measured while the
//! walk runs (see `controller.rs`). A local disk begins with a worker a core, and a filesystem that
//! somebody else answers for with a few, which double within milliseconds where that pays.

use std::fmt;

/// Settings of a walk that depend on the filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Workers to begin with, for each core that the process may use.
    pub workers_per_core: usize,
    /// The minimum number of workers to begin with, however few cores there are.
    pub workers_min: usize,
    /// Entries of a directory that one worker looks at before others may take the rest; fewer,
    /// where that takes more than some milliseconds.
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
        workers_per_core: 0,
        workers_min: 8,
        slice_len: 32,
        buffer_bytes: 256 << 10,
        batch_len: 1024,
    };

    /// A filesystem served by a process: its request is as large as the buffer.
    pub const FUSE: Tuning = Tuning::REMOTE;

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

const NETWORK: &str = "each request crosses a network; more, if they bring more answers";
const DISK: &str = "this machine's cores answer; more, if requests wait for the disk";

/// All filesystems with a tuning of their own. The first row that fits is used; the last fits all.
pub const TUNINGS: &[FsKind] = &[
    remote("Weka", &[], &["wekafs"]),
    remote("NFS", &[0x6969], &["nfs", "nfs4"]),
    remote("Lustre", &[0x0bd0_0bd0], &["lustre"]),
    remote("BeeGFS", &[0x1983_0326], &["beegfs"]),
    remote("GPFS", &[0x4750_4653], &["gpfs"]),
    remote("SMB", &[0xff53_4d42, 0xfe53_4d42, 0x517b], &["cifs", "smb3"]),
    remote("Ceph", &[0x00c3_6400], &["ceph", "fuse.ceph", "fuse.ceph-fuse"]),
    remote("GlusterFS", &[], &["fuse.glusterfs"]),
    remote("OrangeFS", &[0x2003_0528], &["pvfs2"]),
    remote("PanFS", &[0xaad7_aaea], &["panfs"]),
    remote("AFS", &[0x5346_414f, 0x6b41_4653], &["afs"]),
    remote("JuiceFS", &[], &["fuse.juicefs"]),
    remote("object store", &[], &["fuse.s3fs", "fuse.rclone", "fuse.goofys", "fuse.gcsfuse"]),
    remote("sshfs", &[], &["fuse.sshfs"]),
    remote("9p", &[0x0102_1997], &["9p"]),
    remote("virtiofs", &[], &["virtiofs"]),
    FsKind {
        name: "FUSE",
        magics: &[0x6573_5546],
        mount_types: &["fuse", "fuseblk", "fuse."],
        tuning: Tuning::FUSE,
        reason: "a process answers each request; more, if they bring more answers",
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
        let cases: [(u64, Option<&str>, &str); 9] = [
            (0x6969, None, "NFS"),
            (0x0bd0_0bd0, Some("lustre"), "Lustre"),
            (0, Some("wekafs"), "Weka"),
            (0x6573_5546, Some("fuse.sshfs"), "sshfs"),
            (0x6573_5546, Some("virtiofs"), "virtiofs"),
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
    fn a_network_is_begun_with_a_few_workers_whatever_the_cores() {
        assert_eq!(Tuning::REMOTE.n_workers(2), 8);
        assert_eq!(Tuning::REMOTE.n_workers(64), 8);
        assert_eq!(Tuning::LOCAL.n_workers(64), 64);
    }
}
