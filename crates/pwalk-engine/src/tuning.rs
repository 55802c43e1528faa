//! The settings of each kind of filesystem: one table.
//!
//! They are a start: the best number of workers is measured while the walk runs (`controller.rs`). A
//! local disk starts with one worker per core. A filesystem served by another machine or process
//! starts with a few, which become more within milliseconds where that pays off.
//!
//! *Attributes.* AT_STATX_DONT_SYNC accepts what the client has cached, however old, and that may be
//! wrong: NFS returns the size of last week's walk if the inode is still in memory, and Lustre returns
//! a lazy size, or 0 for a file without one. So it is used only where it saves a request and the
//! attributes came with the name a moment ago: on FUSE it saves half of all requests if attributes
//! are not cached (1.97 times as fast). Elsewhere a walk asks as stat(2) does, which makes no request
//! as long as the attributes that came with the name are valid.
//!
//! *O_NOATIME* keeps access times unchanged if this machine keeps them, or a server that is told of
//! the flag. NFS servers are not told, Ceph keeps no access times, and the kernel's clients of FUSE,
//! SMB and AFS never change them.

use crate::controller::LEVEL_MAX;
use std::fmt;

/// Settings of a walk that depend on the filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Workers to begin with, for each core that the process may use.
    pub workers_per_core: usize,
    /// The minimum number of workers to begin with, however few cores there are.
    pub workers_min: usize,
    /// The maximum number of workers, however many measurements ask for.
    pub workers_max: usize,
    /// Entries of a directory that one worker reads before others may take the rest; fewer where
    /// that would take more than a few milliseconds.
    pub slice_len: usize,
    /// Bytes of one getdents64 buffer. On FUSE and on networks it sizes the request.
    pub buffer_bytes: usize,
    /// Rows of a batch.
    pub batch_len: usize,
    /// How its calls are made.
    pub asking: Asking,
}

/// How the calls of a filesystem are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Attributes may be those that the client has, however old (AT_STATX_DONT_SYNC).
    pub takes_cached: bool,
    /// Directories are opened with O_NOATIME by those who own them.
    pub opens_quietly: bool,
}

impl Default for Asking {
    /// As a local disk is asked: right for all, if not the cheapest for each.
    fn default() -> Self {
        Tuning::LOCAL.asking
    }
}

impl Tuning {
    /// A local disk.
    pub const LOCAL: Tuning = Tuning {
        workers_per_core: 1,
        workers_min: 1,
        workers_max: LEVEL_MAX,
        slice_len: 200,
        buffer_bytes: 32 << 10,
        batch_len: 1024,
        asking: Asking { takes_cached: false, opens_quietly: true },
    };

    /// A filesystem where each request crosses a network.
    pub const REMOTE: Tuning = Tuning {
        workers_per_core: 0,
        workers_min: 8,
        workers_max: LEVEL_MAX,
        slice_len: 32,
        buffer_bytes: 256 << 10,
        batch_len: 1024,
        asking: Asking { takes_cached: false, opens_quietly: true },
    };

    /// The same where servers are not told of O_NOATIME, or keep no access times.
    pub const REMOTE_WITHOUT_ATIME: Tuning =
        Tuning { asking: Asking { takes_cached: false, opens_quietly: false }, ..Tuning::REMOTE };

    /// A filesystem served by a process; a request is as large as the buffer.
    pub const FUSE: Tuning =
        Tuning { asking: Asking { takes_cached: true, opens_quietly: false }, ..Tuning::REMOTE };

    /// A disk of this machine served by a process, which may answer one request after the other, as
    /// ntfs-3g does.
    pub const FUSE_DISK: Tuning = Tuning { workers_min: 2, workers_max: 32, ..Tuning::FUSE };

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

/// Who answers the requests to a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBy {
    /// This machine's kernel.
    Kernel,
    /// A process, which may have a server of its own.
    Process,
    /// A server.
    Server,
    /// A process that mounts something else once a directory is opened.
    Automounter,
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
    /// Who answers.
    pub served_by: ServedBy,
    /// What it gets.
    pub tuning: Tuning,
    /// Why, in a few words.
    pub reason: &'static str,
}

const NETWORK: &str = "each request crosses a network; more if throughput grows";
const PROCESS: &str = "a process answers each request; more if throughput grows";
const DISK: &str = "this machine's cores answer; more if requests wait for the disk";

/// All filesystems with a tuning of their own. The first row that fits is used; the last fits all.
///
/// FUSE filesystems are told apart by their subtype, since they share one magic number. Weka's magic
/// number is not published.
pub const TUNINGS: &[FsKind] = &[
    remote("Weka", &[], &["wekafs"]),
    without_atime("NFS", &[0x6969], &["nfs", "nfs4"]),
    remote("Lustre", &[0x0bd0_0bd0], &["lustre", "lustre_lite"]),
    remote("BeeGFS", &[0x1983_0326], &["beegfs", "fhgfs"]),
    remote("GPFS", &[0x4750_4653], &["gpfs"]),
    without_atime("SMB", &[0xff53_4d42, 0xfe53_4d42, 0x517b], &["cifs", "smb3", "smbfs"]),
    fuse("Ceph (FUSE)", &["fuse.ceph", "fuse.ceph-fuse"]),
    without_atime("Ceph", &[0x00c3_6400], &["ceph"]),
    fuse("GlusterFS", &["fuse.glusterfs"]),
    remote("OrangeFS", &[0x2003_0528], &["pvfs2"]),
    remote("PanFS", &[0xaad7_aaea], &["panfs"]),
    without_atime("AFS", &[0x5346_414f, 0x6b41_4653], &["afs"]),
    remote("GFS2", &[0x0116_1970], &["gfs2"]),
    remote("OCFS2", &[0x7461_636f], &["ocfs2"]),
    fuse("JuiceFS", &["fuse.juicefs"]),
    fuse("MooseFS", &["fuse.mfs", "fuse.moosefs", "fuse.lizardfs"]),
    fuse("SeaweedFS", &["fuse.seaweedfs"]),
    fuse("CernVM-FS", &["fuse.cvmfs2"]),
    fuse(
        "object store",
        &[
            "fuse.s3fs",
            "fuse.rclone",
            "fuse.goofys",
            "fuse.gcsfuse",
            "fuse.mountpoint-s3",
            "fuse.blobfuse",
            "fuse.blobfuse2",
        ],
    ),
    fuse("sshfs", &["fuse.sshfs"]),
    remote("9p", &[0x0102_1997], &["9p"]),
    FsKind { served_by: ServedBy::Server, ..fuse("virtiofs", &["virtiofs"]) },
    FsKind {
        name: "disk (FUSE)",
        tuning: Tuning::FUSE_DISK,
        reason: "a process answers each request, perhaps one at a time",
        ..fuse("", &["fuseblk", "fuse.ntfs-3g", "fuse.exfat"])
    },
    FsKind { magics: &[0x6573_5546], ..fuse("FUSE", &["fuse", "fuse."]) },
    local("ext4", &[0xef53], &["ext4", "ext3", "ext2"]),
    local("XFS", &[0x5846_5342], &["xfs"]),
    local("btrfs", &[0x9123_683e], &["btrfs"]),
    local("ZFS", &[0x2fc1_2fc1], &["zfs"]),
    local("bcachefs", &[0xca45_1a4e], &["bcachefs"]),
    local("F2FS", &[0xf2f5_2010], &["f2fs"]),
    local("NTFS", &[0x7366_746e], &["ntfs3"]),
    local("tmpfs", &[0x0102_1994], &["tmpfs"]),
    local("overlay", &[0x794c_7630], &["overlay"]),
    FsKind {
        served_by: ServedBy::Automounter,
        reason: "its directories are not opened, since that would mount something",
        ..local("autofs", &[0x0187], &["autofs"])
    },
    local("local", &[], &[]),
];

const fn remote(
    name: &'static str,
    magics: &'static [u64],
    mount_types: &'static [&'static str],
) -> FsKind {
    let (served_by, tuning, reason) = (ServedBy::Server, Tuning::REMOTE, NETWORK);
    FsKind { name, magics, mount_types, served_by, tuning, reason }
}

const fn without_atime(
    name: &'static str,
    magics: &'static [u64],
    mount_types: &'static [&'static str],
) -> FsKind {
    FsKind { tuning: Tuning::REMOTE_WITHOUT_ATIME, ..remote(name, magics, mount_types) }
}

const fn fuse(name: &'static str, mount_types: &'static [&'static str]) -> FsKind {
    let (served_by, tuning, reason) = (ServedBy::Process, Tuning::FUSE, PROCESS);
    FsKind { name, magics: &[], mount_types, served_by, tuning, reason }
}

const fn local(
    name: &'static str,
    magics: &'static [u64],
    mount_types: &'static [&'static str],
) -> FsKind {
    let (served_by, tuning, reason) = (ServedBy::Kernel, Tuning::LOCAL, DISK);
    FsKind { name, magics, mount_types, served_by, tuning, reason }
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
        matches!(self.served_by, ServedBy::Process | ServedBy::Server)
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
        let cases: [(u64, Option<&str>, &str); 14] = [
            (0x6969, None, "NFS"),
            (0x0bd0_0bd0, Some("lustre"), "Lustre"),
            (0, Some("wekafs"), "Weka"),
            (0x6573_5546, Some("fuse.sshfs"), "sshfs"),
            (0x6573_5546, Some("virtiofs"), "virtiofs"),
            (0, Some("fuse.gluster"), "FUSE"),
            (0xef53, Some("ext4"), "ext4"),
            (0x6573_5546, Some("fuse.ceph-fuse"), "Ceph (FUSE)"),
            (0x00c3_6400, Some("ceph"), "Ceph"),
            (0x6573_5546, Some("fuseblk"), "disk (FUSE)"),
            (0x6573_5546, Some("fuse.mergerfs"), "FUSE"),
            (0x0187, Some("autofs"), "autofs"),
            (0xdead_beef, Some("newfs"), "local"),
            (0xdead_beef, None, "local"),
        ];
        for (magic, mount_type, name) in cases {
            assert_eq!(FsKind::detect(magic, mount_type).name, name, "{magic:x} {mount_type:?}");
        }
    }

    #[test]
    fn what_a_client_has_is_good_enough_only_where_it_came_with_the_name() {
        for row in TUNINGS {
            let is_fuse = matches!(row.served_by, ServedBy::Process) || row.name == "virtiofs";
            assert_eq!(row.tuning.asking.takes_cached, is_fuse, "{row}");
        }
    }

    #[test]
    fn a_network_is_begun_with_a_few_workers_whatever_the_cores() {
        assert_eq!(Tuning::REMOTE.n_workers(2), 8);
        assert_eq!(Tuning::REMOTE.n_workers(64), 8);
        assert_eq!(Tuning::LOCAL.n_workers(64), 64);
    }
}
