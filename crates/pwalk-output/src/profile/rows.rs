//! The items of a profile's lists, and the classes that they are of.
//!
//! Owns the schema, like `result.rs`. Knows nothing of how it is counted. `None` is what a saved scan
//! without the column doesn't tell.

use super::Text;
use serde::{Deserialize, Serialize};

/// Entries of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRow {
    /// As the column `kind` has it: `file`, `dir`, `symlink`...
    pub kind: String,
    /// How many.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
    /// Sum of their allocated sizes; every link counts.
    pub allocated_bytes: Option<u64>,
}

/// Files with an extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionRow {
    /// What follows the last dot; empty for files without an extension.
    pub extension: Text,
    /// How many, at least.
    pub entries: u64,
    /// Sum of their apparent sizes, at least.
    pub bytes: Option<u64>,
    /// Sum of their allocated sizes, at least; every link counts.
    pub allocated_bytes: Option<u64>,
    /// True if there were too many extensions to count each from the beginning, and some files of
    /// this one may be missing.
    pub is_estimate: bool,
    /// How many files may be missing at the most.
    pub entries_missed_max: u64,
    /// How many bytes may be missing at the most.
    pub bytes_missed_max: Option<u64>,
}

/// Entries of an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRow {
    /// The number.
    pub uid: u32,
    /// The name, if it has one on this system.
    pub name: Option<String>,
    /// How many, of all kinds.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
    /// Sum of their allocated sizes; every link counts.
    pub allocated_bytes: Option<u64>,
    /// As for extensions: true if some may be missing.
    pub is_estimate: bool,
}

/// Entries of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// The number.
    pub gid: u32,
    /// The name, if it has one on this system.
    pub name: Option<String>,
    /// How many, of all kinds.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
    /// Sum of their allocated sizes; every link counts.
    pub allocated_bytes: Option<u64>,
    /// As for extensions: true if some may be missing.
    pub is_estimate: bool,
}

/// Entries at a depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthRow {
    /// Levels below the root, which itself is at 0.
    pub depth: u32,
    /// True for the last row if it has all that is deeper, too.
    pub or_deeper: bool,
    /// How many, of all kinds.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
}

/// Files of a size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeRow {
    /// The smallest of these sizes: 0, or a power of two.
    pub from: u64,
    /// The smallest that is too large.
    pub to: u64,
    /// How many.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: u64,
}

/// How long ago something happened. Days have 24 hours, a year 365 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Age {
    /// Within the last day, or the next: clocks differ, and files are written during a walk.
    Today,
    /// Within 7 days.
    Week,
    /// Within 30 days.
    Month,
    /// Within 91 days.
    Quarter,
    /// Within 183 days.
    HalfYear,
    /// Within 365 days.
    #[serde(rename = "1y")]
    Year1,
    /// Within 730 days.
    #[serde(rename = "2y")]
    Years2,
    /// Within 1,095 days.
    #[serde(rename = "3y")]
    Years3,
    /// Within 1,826 days.
    #[serde(rename = "5y")]
    Years5,
    /// Before that.
    Older,
    /// More than a day ahead.
    Future,
}

impl Age {
    /// Every class, in the order of a profile.
    pub const ALL: [Age; 11] = [
        Age::Today,
        Age::Week,
        Age::Month,
        Age::Quarter,
        Age::HalfYear,
        Age::Year1,
        Age::Years2,
        Age::Years3,
        Age::Years5,
        Age::Older,
        Age::Future,
    ];
}

/// Files of an age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeRow {
    /// The class.
    pub age: Age,
    /// How many.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
}

/// Files of an owner and an age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerAgeRow {
    /// The owner.
    pub uid: u32,
    /// The class.
    pub age: Age,
    /// How many.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
}

/// Files of an owner and a size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerSizeRow {
    /// The owner.
    pub uid: u32,
    /// The smallest of these sizes: 0, or a power of two.
    pub from: u64,
    /// The smallest that is too large.
    pub to: u64,
    /// How many.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: u64,
}

/// Directories with so many direct entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntriesRow {
    /// The smallest of these numbers: 0, or a power of two.
    pub from: u64,
    /// The smallest that is too large.
    pub to: u64,
    /// How many directories.
    pub dirs: u64,
}

/// One of the largest files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeFile {
    /// Its path.
    pub path: Text,
    /// Its apparent size.
    pub bytes: u64,
    /// Its allocated size.
    pub allocated_bytes: Option<u64>,
    /// When it was modified, seconds since the epoch.
    pub mtime: Option<i64>,
    /// Its owner.
    pub uid: Option<u32>,
}

/// One of the largest directories, with all that is below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeTree {
    /// Its path.
    pub path: Text,
    /// Entries of all kinds below it.
    pub entries: u64,
    /// Those that are not directories.
    pub files: u64,
    /// Sum of the apparent sizes of all of them.
    pub bytes: u64,
    /// Sum of their allocated sizes; every link counts.
    pub allocated_bytes: Option<u64>,
    /// The newest modification time of an entry that is not a directory, seconds since the epoch.
    pub mtime: Option<i64>,
    /// What could not be seen below it.
    pub errors: u64,
}

/// One of the directories with most direct entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeDir {
    /// Its path.
    pub path: Text,
    /// Direct entries.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
}

/// One of the largest directories below which nothing was read or modified for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldTree {
    /// Its path.
    pub path: Text,
    /// Sum of the apparent sizes of all entries below it.
    pub bytes: u64,
    /// The newest access time of an entry that is not a directory, seconds since the epoch.
    pub atime: i64,
    /// The newest modification time of one.
    pub mtime: i64,
}

/// Directories and files without content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {
    /// Directories without entries.
    pub dirs: Option<u64>,
    /// Files of 0 bytes.
    pub files: Option<u64>,
    /// Paths of some of these directories.
    pub dir_examples: Vec<Text>,
}

/// Files of less than [`Waste::BELOW`] bytes that are not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waste {
    /// How many.
    pub files: Option<u64>,
    /// Sum of their apparent sizes.
    pub bytes: Option<u64>,
    /// Sum of their allocated sizes.
    pub allocated_bytes: Option<u64>,
}

impl Waste {
    /// What makes a file small, bytes.
    pub const BELOW: u64 = 4096;
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It is not valid UTF-8.
    NotUtf8,
    /// It has control characters.
    Control,
    /// It has more than 255 bytes.
    Long,
    /// Its path has 4,096 bytes or more, so that no program can use it as a whole.
    PathMax,
    /// It begins or ends with a blank.
    Blanks,
    /// It differs from another name of its directory only in upper and lower case. Of the names
    /// that are equal but for that, all but one count.
    Case,
}

impl Trouble {
    /// All of them, in the order of a profile.
    pub const ALL: [Trouble; 6] = [
        Trouble::NotUtf8,
        Trouble::Control,
        Trouble::Long,
        Trouble::PathMax,
        Trouble::Blanks,
        Trouble::Case,
    ];
}

/// Entries whose names make trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamesRow {
    /// What is wrong.
    pub trouble: Trouble,
    /// How many.
    pub entries: u64,
    /// Paths of some of them.
    pub examples: Vec<Text>,
}

/// What could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// How many.
    pub count: u64,
    /// By operation and error, the most frequent first.
    pub by: Vec<ErrorRow>,
    /// Some of them.
    pub examples: Vec<ErrorExample>,
}

/// Errors of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// What was asked: `open`, `read`, `stat`...; `None` if a saved scan doesn't say.
    pub operation: Option<String>,
    /// The name of the error: `EACCES`.
    pub errno: String,
    /// How many.
    pub count: u64,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorExample {
    /// What was asked of.
    pub path: Text,
    /// What was asked.
    pub operation: String,
    /// The name of the error: `EACCES`.
    pub errno: String,
    /// What it means: `Permission denied`.
    pub message: String,
}

/// A directory of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRow {
    /// Its name; of a root, the path.
    pub path: Text,
    /// The directory that it is in, as an index of this list. It comes before this one. `None` for
    /// a root.
    pub parent: Option<usize>,
    /// Sum of the apparent sizes of all entries below it.
    pub bytes: u64,
    /// Entries of all kinds below it.
    pub entries: u64,
    /// Sum of their allocated sizes; every link counts.
    pub allocated_bytes: Option<u64>,
    /// The newest access time of an entry that is not a directory, seconds since the epoch.
    pub atime: Option<i64>,
    /// The newest modification time of one.
    pub mtime: Option<i64>,
    /// Its owner.
    pub uid: Option<u32>,
    /// The extension of most bytes among the files directly in it.
    pub extension: Option<Text>,
    /// Sum of the apparent sizes of its direct entries.
    pub own_bytes: Option<u64>,
    /// Its direct entries.
    pub own_entries: Option<u64>,
}
