//! What a profile says: plain values, whose fields are the keys of its JSON.
//!
//! Owns the schema, which `docs/formats/profile.md` describes. Knows nothing of how it is counted.

use super::rows::*;
use crate::summary::Skipped;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The version of the JSON. It grows with every change that a reader of the old one would trip
/// over; a new key is none.
pub const PROFILE_VERSION: u32 = 1;

/// Statistics of trees, or of a saved scan.
///
/// Sums stop at `u64::MAX`, and sizes below 0 count as 0. What the input doesn't tell is `None`, or
/// an empty list. A *file* is a regular file here, or an entry whose kind is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// [`PROFILE_VERSION`].
    pub version: u32,
    /// The version of pwalk that made it.
    pub pwalk: String,
    /// What it is of.
    pub source: Source,
    /// When its making began, in UTC: `2026-11-20T14:00:00Z`.
    pub started: String,
    /// How long that took.
    pub seconds: f64,
    /// True if everything that was asked for was seen; `None` if a saved scan doesn't say.
    pub complete: Option<bool>,
    /// The time that ages are relative to, in UTC: when the walk began.
    pub ages_as_of: String,
    /// Items that each list has at the most, where a tree could have any number of them.
    pub top: usize,
    /// Sums over all entries.
    pub totals: Totals,
    /// Files by extension, those with most bytes first.
    pub extensions: Vec<ExtensionRow>,
    /// Entries by owner, those with most bytes first.
    pub owners: Vec<OwnerRow>,
    /// Entries by group, those with most bytes first.
    pub groups: Vec<GroupRow>,
    /// Entries by depth, from the roots on.
    pub depths: Vec<DepthRow>,
    /// Files by size, without gaps between the first row and the last.
    pub sizes: Vec<SizeRow>,
    /// Files by the time since they were modified: all classes.
    pub mtime_ages: Vec<AgeRow>,
    /// Files by the time since they were read: all classes.
    pub atime_ages: Vec<AgeRow>,
    /// Files of the owners above by the time since they were modified; without empty classes.
    pub owner_ages: Vec<OwnerAgeRow>,
    /// Files of the owners above by size; without empty classes.
    pub owner_sizes: Vec<OwnerSizeRow>,
    /// Directories by the number of their direct entries, without gaps.
    pub dir_entries: Vec<DirEntriesRow>,
    /// The largest files.
    pub largest_files: Vec<LargeFile>,
    /// The directories with most bytes below them. With a condition, these and the other lists of
    /// directories count entries that fulfil it, and have directories that don't, too.
    pub largest_trees: Vec<LargeTree>,
    /// The directories with most direct entries.
    pub largest_dirs: Vec<LargeDir>,
    /// The largest directories below which nothing was read or modified for two years, without
    /// those that are in one of them.
    pub oldest_trees: Vec<OldTree>,
    /// Directories and files without content.
    pub empty: Empty,
    /// Small files.
    pub waste: Waste,
    /// Names that make trouble, by what is wrong with them: all kinds.
    pub names: Vec<NamesRow>,
    /// What could not be seen.
    pub errors: Errors,
    /// What was left out on purpose; `None` if a saved scan doesn't say.
    pub skipped: Option<Skipped>,
    /// True if the totals of directories were put together from rows, because a scan has none or
    /// there is a condition, and either there are more directories than are counted apart, and the
    /// smallest are counted as part of theirs, or some have names that differ only in bytes that are
    /// not valid UTF-8, which a CSV doesn't have, and are counted as one.
    pub trees_are_estimates: bool,
    /// The largest directories, by bytes or by entries, each with all that it is in.
    pub tree: Vec<TreeRow>,
}

/// What a profile is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The roots, as given, with invalid UTF-8 as U+FFFD.
    pub roots: Vec<String>,
    /// A tree or a saved scan.
    pub kind: SourceKind,
    /// The path of the saved scan, if it is one.
    pub scan: Option<Text>,
    /// Which entries it is of, if not of all: the condition, as given.
    pub condition: Option<String>,
}

/// The kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Trees that were walked.
    Tree,
    /// A saved scan.
    Scan,
}

/// Bytes of a path or name, which need not be valid UTF-8. In JSON each invalid sequence is
/// U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct Text(pub Vec<u8>);

impl Text {
    /// As JSON has it.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        Text(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        text.as_bytes().into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text.into_bytes())
    }
}

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_str())
    }
}

/// Sums over all entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Entries of all kinds, roots included.
    pub entries: u64,
    /// Sum of their apparent sizes.
    pub apparent_bytes: Option<u64>,
    /// What they take on disk, each inode counted once however many hard links it has.
    pub allocated_bytes: Option<u64>,
    /// What the other links of these inodes would take if each were a file of its own.
    pub shared_bytes: Option<u64>,
    /// Extensions that occur; `None` if there are more than are counted exactly.
    pub extensions: Option<u64>,
    /// Owners that occur; the same.
    pub owners: Option<u64>,
    /// Groups that occur; the same.
    pub groups: Option<u64>,
    /// By kind; kinds that did not occur are left out.
    pub by_kind: Vec<KindRow>,
}

impl Profile {
    /// The profile as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are strings and its numbers finite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn the_example_in_the_documents_has_all_keys_and_no_others() {
        let example = include_str!("../../../../docs/formats/profile-example.json");
        let profile: Profile = serde_json::from_str(example).unwrap();
        let value: Value = serde_json::from_str(example).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&profile.to_json()).unwrap(), value);
    }

    /// Keys of a value, with `[]` for the items of a list, and those of objects in lists.
    fn keys(prefix: &str, value: &Value, all: &mut BTreeSet<String>) {
        let Some(object) = value.as_object() else { return };
        for (key, value) in object {
            let key = format!("{prefix}{key}");
            match value {
                Value::Object(_) => keys(&format!("{key}."), value, all),
                Value::Array(items) if items.iter().any(Value::is_object) => {
                    let items = items.iter().filter_map(Value::as_object);
                    let inner = items.flat_map(|item| item.keys());
                    all.extend(inner.map(|inner| format!("{key}[].{inner}")));
                }
                _ => _ = all.insert(key),
            }
        }
    }

    #[test]
    fn the_document_names_all_keys_and_no_others() {
        let document = include_str!("../../../../docs/formats/profile.md");
        let table = document.split("<!-- keys").nth(1).unwrap();
        let mut documented = BTreeSet::new();
        for line in table.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.split(" | ").collect();
            let quoted = |cell: &str| -> Vec<String> {
                cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
            };
            let key = quoted(cells[0]).remove(0);
            match key.ends_with("[]") {
                true => {
                    documented.extend(quoted(cells[1]).iter().map(|each| format!("{key}.{each}")))
                }
                false => _ = documented.insert(key),
            }
        }
        let example = include_str!("../../../../docs/formats/profile-example.json");
        let mut found = BTreeSet::new();
        keys("", &serde_json::from_str(example).unwrap(), &mut found);
        assert_eq!(documented, found);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_text_in_json() {
        let text = Text(b"/caf\xe9\n\"".to_vec());
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"/caf\u{fffd}\\n\\\"\"");
    }
}
