//! What is known of one entry: its kind, its inode's fields, and which fields are wanted.

use bitflags::bitflags;

/// The kind of an entry, from the directory or from its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// The directory doesn't say, and the inode was not read.
    Unknown,
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    Char,
    /// A block device.
    Block,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Kind; 8] = [
        Kind::Unknown,
        Kind::File,
        Kind::Dir,
        Kind::Symlink,
        Kind::Fifo,
        Kind::Socket,
        Kind::Char,
        Kind::Block,
    ];

    /// The kind that the file type bits of `st_mode` name. Source: inode(7).
    pub fn from_mode(mode: u32) -> Kind {
        Kind::from_dirent_type((mode >> 12 & 0xf) as u8)
    }

    /// The kind of a `DT_*` value, which is `st_mode` shifted right by twelve bits.
    pub fn from_dirent_type(value: u8) -> Kind {
        match value {
            0o01 => Kind::Fifo,
            0o02 => Kind::Char,
            0o04 => Kind::Dir,
            0o06 => Kind::Block,
            0o10 => Kind::File,
            0o12 => Kind::Symlink,
            0o14 => Kind::Socket,
            _ => Kind::Unknown,
        }
    }

    /// The word of the `kind` column.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown",
            Kind::File => "file",
            Kind::Dir => "dir",
            Kind::Symlink => "symlink",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::Char => "char",
            Kind::Block => "block",
        }
    }
}

/// Identifies an inode on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Device, as stat(2) encodes it.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
}

/// The inode of an entry. Fields that were not asked for are 0 or what the source had at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Inode number.
    pub ino: u64,
    /// Device of the filesystem, as stat(2) encodes it.
    pub dev: u64,
    /// Apparent size in bytes.
    pub size: i64,
    /// Allocated size, in units of 512 bytes.
    pub blocks: i64,
    /// File type and permission bits.
    pub mode: u32,
    /// Hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last access, seconds since the epoch.
    pub atime: i64,
    /// Last change of the content, seconds since the epoch.
    pub mtime: i64,
    /// Last change of the inode, seconds since the epoch.
    pub ctime: i64,
    /// Creation, seconds since the epoch; `None` where the filesystem doesn't record it.
    pub btime: Option<i64>,
    /// Nanosecond parts of `atime`, `mtime`, `ctime` and `btime`.
    pub nanos: [u32; 4],
    /// The device that a device node refers to.
    pub rdev: u64,
    /// Preferred size of reads and writes, bytes.
    pub blksize: u32,
    /// True for an automount point that nothing is mounted on yet.
    pub is_automount: bool,
}

impl Stat {
    /// The kind that the mode says.
    pub fn kind(&self) -> Kind {
        Kind::from_mode(self.mode)
    }

    /// Device and inode.
    pub fn id(&self) -> FileId {
        FileId { dev: self.dev, ino: self.ino }
    }
}

/// The extension of a file's name: what follows the last dot, ignoring the first byte, so
/// that `.bashrc` has none. Empty where there is no such dot, or nothing follows it.
#[inline]
pub fn extension(name: &[u8]) -> &[u8] {
    let Some((_, rest)) = name.split_first() else { return b"" };
    match rest.iter().rposition(|&byte| byte == b'.') {
        Some(dot) => &rest[dot + 1..],
        None => b"",
    }
}

bitflags! {
    /// The facts about entries that a sink asks for; they decide which calls are made.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Fields: u32 {
        /// Inode number. Asks the inode: at a mount point the directory names the covered one.
        const INODE = 1;
        /// `uid` and `gid`.
        const OWNER = 1 << 1;
        /// Apparent size.
        const SIZE = 1 << 2;
        /// Allocated size.
        const BLOCKS = 1 << 3;
        /// Hard links.
        const LINKS = 1 << 4;
        /// Type and permission bits.
        const MODE = 1 << 5;
        /// Access time.
        const ATIME = 1 << 6;
        /// Modification time.
        const MTIME = 1 << 7;
        /// Change time.
        const CTIME = 1 << 8;
        /// Creation time.
        const BTIME = 1 << 9;
        /// The device of the filesystem. Every statx brings it.
        const DEVICE = 1 << 10;
        /// For directories, the sum of their entries' sizes.
        const SIZE_SUM = 1 << 11;
        /// The target of symbolic links: one readlink each.
        const TARGET = 1 << 12;
        /// The kind, asked of the inode where the directory doesn't say.
        const KIND = 1 << 13;
        /// The nanosecond parts of the times asked for.
        const NANOS = 1 << 14;
        /// The device that a device node refers to, and the preferred block size.
        const RDEV = 1 << 15;
        /// For directories, totals of all that is below them: those of the other fields that are
        /// asked for.
        const TREE = 1 << 16;
    }
}

impl Fields {
    /// What the 17 columns of a report are made of.
    pub const REPORT: Fields = Fields::INODE
        .union(Fields::OWNER)
        .union(Fields::SIZE)
        .union(Fields::BLOCKS)
        .union(Fields::LINKS)
        .union(Fields::MODE)
        .union(Fields::ATIME)
        .union(Fields::MTIME)
        .union(Fields::CTIME)
        .union(Fields::DEVICE)
        .union(Fields::SIZE_SUM)
        .union(Fields::KIND);

    /// True if every entry's inode must be asked.
    pub fn need_stat(self) -> bool {
        let told = Fields::TARGET.union(Fields::KIND).union(Fields::TREE);
        self.intersects(Fields::all().difference(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_follow_the_last_dot_but_a_leading_one() {
        let cases = [
            ("a.txt", "txt"),
            ("a.tar.gz", "gz"),
            (".bashrc", ""),
            (".bash.bak", "bak"),
            ("..foo", "foo"),
            ("a.", ""), // T6
            ("a", ""),
            (".", ""),
            ("..", ""),
            ("...", ""),
            ("", ""),
            ("a.b c", "b c"),
        ];
        for (name, expected) in cases {
            assert_eq!(extension(name.as_bytes()), expected.as_bytes(), "{name}");
        }
    }
}
