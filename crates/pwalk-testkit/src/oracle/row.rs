//! One row of the naive walk, and the naive line of CSV that it makes.
//!
//! Owns the plain reading of the table's columns. It must not share a line with the product's
//! encoder, whose oracle it is: `format!` and `from_utf8_lossy` say what is meant.
//!
//! The counts are options, because "not a folder", "a folder that could not be read" and "an
//! empty folder" are three things; only the CSV writes two of them as numbers.

use rustix::fs::{FileType, Stat};

/// The kind of an entry; its letter is that of `find -printf %y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
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
    /// Nothing that Linux has today.
    Unknown,
}

impl Kind {
    /// One of `f d l p s c b`, or `U`.
    pub fn letter(self) -> char {
        match self {
            Kind::File => 'f',
            Kind::Dir => 'd',
            Kind::Symlink => 'l',
            Kind::Fifo => 'p',
            Kind::Socket => 's',
            Kind::Char => 'c',
            Kind::Block => 'b',
            Kind::Unknown => 'U',
        }
    }

    /// The word in the column `kind`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Dir => "dir",
            Kind::Symlink => "symlink",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::Char => "char",
            Kind::Block => "block",
            Kind::Unknown => "unknown",
        }
    }

    /// The kind that the upper bits of `st_mode` say.
    pub fn from_mode(mode: u32) -> Kind {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice => Kind::Char,
            FileType::BlockDevice => Kind::Block,
            FileType::Unknown => Kind::Unknown,
        }
    }
}

/// An entry with everything that `lstat` says of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OracleRow {
    /// The root as given, without trailing slashes, then `/` and the rest.
    pub path: Vec<u8>,
    /// From `mode`.
    pub kind: Kind,
    /// `st_ino`.
    pub inode: u64,
    /// The inode of the folder that holds it; 0 for a root.
    pub parent_inode: u64,
    /// -1 for a root, 0 for what stands in it.
    pub depth: i32,
    /// `st_uid`.
    pub uid: u32,
    /// `st_gid`.
    pub gid: u32,
    /// `st_size`, bytes.
    pub size: i64,
    /// `st_dev`, as stat(2) encodes it.
    pub dev: u64,
    /// `st_rdev`, as stat(2) encodes it.
    pub rdev: u64,
    /// `st_blocks`, units of 512 bytes.
    pub blocks: i64,
    /// `st_nlink`.
    pub nlink: u64,
    /// `st_mode`, with the bits of the kind.
    pub mode: u32,
    /// Seconds since the epoch, negative before it.
    pub atime: i64,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Seconds since the epoch.
    pub ctime: i64,
    /// The nanoseconds that are added to `atime`: never negative.
    pub atime_ns: u32,
    /// The nanoseconds that are added to `mtime`.
    pub mtime_ns: u32,
    /// The nanoseconds that are added to `ctime`.
    pub ctime_ns: u32,
    /// The number of its direct entries. None: no folder, or one that was not read.
    pub fcount: Option<i64>,
    /// The sum of the sizes of its direct entries, bytes. None as for `fcount`.
    pub dirsum: Option<i64>,
}

impl OracleRow {
    /// A row without counts.
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between architectures")]
    pub(super) fn new(path: Vec<u8>, stat: &Stat, parent_inode: u64, depth: i32) -> OracleRow {
        OracleRow {
            path,
            kind: Kind::from_mode(stat.st_mode),
            inode: stat.st_ino as u64,
            parent_inode,
            depth,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as i64,
            dev: stat.st_dev as u64,
            rdev: stat.st_rdev as u64,
            blocks: stat.st_blocks as i64,
            nlink: stat.st_nlink as u64,
            mode: stat.st_mode,
            atime: stat.st_atime as i64,
            mtime: stat.st_mtime as i64,
            ctime: stat.st_ctime as i64,
            atime_ns: stat.st_atime_nsec as u32,
            mtime_ns: stat.st_mtime_nsec as u32,
            ctime_ns: stat.st_ctime_nsec as u32,
            fcount: None,
            dirsum: None,
        }
    }
}

/// What follows the last dot of the last component, a leading dot not counted.
///
/// For the path of a directory the column is empty, which the caller has to know.
pub fn extension(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    match name.iter().rposition(|&byte| byte == b'.') {
        None | Some(0) => b"",
        Some(dot) => &name[dot + 1..],
    }
}

/// The row as a record of the C pwalk's CSV, without the line end.
pub fn csv_row(row: &OracleRow) -> Vec<u8> {
    let filename = quoted(&row.path);
    let extension = match row.kind {
        Kind::Dir => quoted(b""),
        _ => quoted(extension(&row.path)),
    };
    let mode = format!("\"{:07o}\"", row.mode);
    let (fcount, dirsum) = match row.kind {
        Kind::Dir => (row.fcount.unwrap_or(0), row.dirsum.unwrap_or(0)),
        _ => (-1, 0),
    };
    let OracleRow { inode, parent_inode, depth, uid, gid, size, dev, blocks, nlink, .. } = row;
    let OracleRow { atime, mtime, ctime, .. } = row;
    format!(
        "{inode},{parent_inode},{depth},{filename},{extension},{uid},{gid},{size},{dev},{blocks},\
         {nlink},{mode},{atime},{mtime},{ctime},{fcount},{dirsum}"
    )
    .into_bytes()
}

/// A quoted field of valid UTF-8.
fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_follows_the_last_dot_that_is_not_the_first_byte() {
        for (path, expected) in [
            ("a/b.txt", "txt"),
            ("a/b", ""),
            ("a.d/b", ""),
            ("a/.bashrc", ""),
            ("a/.bash.bak", "bak"),
            ("a/..foo", "foo"),
            ("a/b.", ""),
            ("a/b.c.", ""),
            ("a/...", ""),
            ("a/b.tar.gz", "gz"),
            ("b.txt ", "txt "),
            ("b.t\"t", "t\"t"),
            ("", ""),
        ] {
            assert_eq!(extension(path.as_bytes()), expected.as_bytes(), "{path:?}");
        }
    }

    fn file(path: &[u8]) -> OracleRow {
        OracleRow {
            path: path.to_vec(),
            kind: Kind::File,
            inode: 11_054_398_539_339_071_178,
            parent_inode: 2,
            depth: 0,
            uid: 1000,
            gid: 100,
            size: 5,
            dev: 2049,
            rdev: 0,
            blocks: 8,
            nlink: 1,
            mode: 0o100_644,
            atime: -1,
            mtime: 15_526_885_624,
            ctime: 3,
            atime_ns: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            fcount: None,
            dirsum: None,
        }
    }

    #[test]
    fn a_file_is_a_row_of_the_c_pwalk() {
        let expected = "11054398539339071178,2,0,\"/data/a.txt\",\"txt\",1000,100,5,2049,8,1,\
                        \"0100644\",-1,15526885624,3,-1,0";
        assert_eq!(csv_row(&file(b"/data/a.txt")), expected.as_bytes());
    }

    #[test]
    fn a_folder_has_no_extension_and_counts_of_zero_when_it_was_not_read() {
        let mut row = OracleRow { kind: Kind::Dir, mode: 0o40_755, ..file(b"/a.d") };
        assert!(csv_row(&row).ends_with(b",\"0040755\",-1,15526885624,3,0,0"));
        assert!(csv_row(&row).starts_with(b"11054398539339071178,2,0,\"/a.d\",\"\",1000"));
        (row.fcount, row.dirsum) = (Some(3), Some(4096));
        assert!(csv_row(&row).ends_with(b",15526885624,3,3,4096"));
    }

    #[test]
    fn quotes_are_doubled_controls_kept_and_invalid_parts_replaced() {
        let line = csv_row(&file(b"/a\"\n\xff\xe2\x82.\xff"));
        let text = String::from_utf8(line).unwrap();
        assert!(text.contains(",\"/a\"\"\n\u{fffd}\u{fffd}.\u{fffd}\",\"\u{fffd}\","), "{text}");
    }
}
