//! What can go wrong with one entry. Such an error is a row of the result; the walk goes on.

use pwalk_sys::Errno;

/// What was being done when an error happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Opening a directory.
    Open,
    /// Reading the names in a directory.
    Read,
    /// Reading an inode.
    Stat,
    /// Reading a symbolic link.
    ReadLink,
    /// Following a symbolic link that leads back to a directory above it.
    Follow,
    /// Writing a name that is not valid UTF-8: a sink reports each row whose name it had to change.
    /// The walk itself saw everything.
    Name,
}

impl Operation {
    /// The word for it in error lists.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Open => "open",
            Operation::Read => "read",
            Operation::Stat => "stat",
            Operation::ReadLink => "readlink",
            Operation::Follow => "follow",
            Operation::Name => "name",
        }
    }
}

/// One thing that the walk could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// What failed.
    pub operation: Operation,
    /// The entry's path, as a row would have it.
    pub path: Vec<u8>,
    /// The entry's depth, as a row would have it: -1 for a root.
    pub depth: i32,
    /// The kernel's reason.
    pub errno: Errno,
}
