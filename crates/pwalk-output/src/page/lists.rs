//! The lists of a profile as rows of cells: which the page has, their columns, and how many rows.

use super::text;
use pwalk_engine::Errno;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Bytes that the rows of one list have room for.
const ROOM: usize = 24_000;
/// Texts of a list within a cell.
const EXAMPLES_MAX: usize = 5;
/// Owners that are told apart by age and size.
const OWNERS_MAX: usize = 16;

/// A list that the page shows.
pub(crate) struct List {
    /// What the script calls it.
    name: &'static str,
    /// Where the profile has it.
    pub(crate) path: &'static [&'static str],
    /// Keys of its objects, in the order of the cells. Items that are no objects are the first.
    pub(crate) columns: &'static [&'static str],
}

#[rustfmt::skip]
pub(crate) const LISTS: &[List] = &[
    List { name: "roots", path: &["source", "roots"], columns: &["path"] },
    List { name: "kinds", path: &["totals", "by_kind"], columns: &["kind", "entries", "bytes"] },
    List { name: "extensions", path: &["extensions"],
        columns: &["extension", "entries", "bytes", "allocated_bytes", "is_estimate"] },
    List { name: "owners", path: &["owners"], columns: &["uid", "name", "entries", "bytes"] },
    List { name: "groups", path: &["groups"], columns: &["gid", "name", "entries", "bytes"] },
    List { name: "depths", path: &["depths"], columns: &["depth", "entries", "bytes"] },
    List { name: "sizes", path: &["sizes"], columns: &["from", "to", "entries", "bytes"] },
    List { name: "mtime_ages", path: &["mtime_ages"], columns: &["age", "entries", "bytes"] },
    List { name: "atime_ages", path: &["atime_ages"], columns: &["age", "entries", "bytes"] },
    List { name: "owner_ages", path: &["owner_ages"],
        columns: &["uid", "age", "entries", "bytes"] },
    List { name: "owner_sizes", path: &["owner_sizes"],
        columns: &["uid", "from", "entries", "bytes"] },
    List { name: "dir_entries", path: &["dir_entries"], columns: &["from", "to", "dirs"] },
    List { name: "largest_files", path: &["largest_files"],
        columns: &["path", "bytes", "mtime", "uid"] },
    List { name: "largest_trees", path: &["largest_trees"], columns:
        &["path", "entries", "files", "bytes", "allocated_bytes", "mtime", "errors"] },
    List { name: "largest_dirs", path: &["largest_dirs"], columns: &["path", "entries", "bytes"] },
    List { name: "oldest_trees", path: &["oldest_trees"],
        columns: &["path", "bytes", "atime", "mtime"] },
    List { name: "empty_dirs", path: &["empty", "dir_examples"], columns: &["path"] },
    List { name: "names", path: &["names"], columns: &["trouble", "entries", "examples"] },
    List { name: "errors", path: &["errors", "by"], columns: &["operation", "errno", "count"] },
    List { name: "error_examples", path: &["errors", "examples"],
        columns: &["path", "operation", "errno", "message"] },
];

/// All lists by their names, as JSON.
pub(crate) fn encode_all(profile: &Value) -> String {
    let owners = largest_owners(profile);
    let lists: Vec<_> = LISTS.iter().map(|list| encode(list, profile, &owners)).collect();
    format!("{{{}}}", lists.join(","))
}

fn encode(list: &List, profile: &Value, owners: &HashSet<String>) -> String {
    let found = list.path.iter().try_fold(profile, |value, key| value.get(key));
    let items = found.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_of_some = list.name.starts_with("owner_");
    let is_meant = |item: &&Value| !is_of_some || owners.contains(&item["uid"].to_string());
    let mut rows = Vec::new();
    let mut room = ROOM;
    for item in items.iter().filter(is_meant) {
        let row = text::encode(&row(list, item));
        let Some(rest) = room.checked_sub(row.len() + 1) else { break };
        room = rest;
        rows.push(row);
    }
    let n_left_out = items.iter().filter(is_meant).count() - rows.len();
    format!("\"{}\":{{\"rows\":[{}],\"left_out\":{n_left_out}}}", list.name, rows.join(","))
}

/// The owners with most bytes: of each owner there are many rows by age and by size.
fn largest_owners(profile: &Value) -> HashSet<String> {
    let owners = profile.get("owners").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut owners: Vec<_> = owners.iter().collect();
    owners.sort_by_key(|owner| std::cmp::Reverse(owner["bytes"].as_u64()));
    owners.iter().take(OWNERS_MAX).map(|owner| owner["uid"].to_string()).collect()
}

fn row(list: &List, item: &Value) -> Value {
    let value = |key: &&str| match item.as_object() {
        Some(object) => named(key, object),
        None if *key == list.columns[0] => cell(item),
        None => Value::Null,
    };
    list.columns.iter().map(value).collect()
}

/// The cell of a key; error numbers by their names.
fn named(key: &str, object: &Map<String, Value>) -> Value {
    let value = object.get(key).unwrap_or(&Value::Null);
    match value.as_i64() {
        Some(number) if key == "errno" => i32::try_from(number)
            .map_or(json!(number), |errno| Errno::from_raw(errno).name().into()),
        _ => cell(value),
    }
}

/// A value as a cell: texts not longer than they may be, of lists the first texts.
pub(crate) fn cell(value: &Value) -> Value {
    match value {
        Value::String(text) => text::shown(text),
        Value::Array(items) => {
            let texts = items.iter().filter_map(Value::as_str);
            texts.take(EXAMPLES_MAX).map(text::shown).collect()
        }
        Value::Object(_) => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(profile: Value) -> Value {
        serde_json::from_str(&encode_all(&profile)).unwrap()
    }

    #[test]
    fn rows_have_the_cells_of_their_columns() {
        let lists = lists(json!({
            "source": {"roots": ["/a", "/b"]},
            "largest_files": [{"uid": 3, "path": "/a/x", "bytes": 7, "more": 1}],
            "names": [{"trouble": "control", "entries": 9, "examples": ["a", "b", 3]}],
            "errors": {"by": [{"operation": "open", "errno": 13, "count": 2}],
                "examples": ["/a/secret", {"path": "/b", "errno": "EIO"}]},
        }));
        assert_eq!(lists["roots"], json!({"rows": [["/a"], ["/b"]], "left_out": 0}));
        assert_eq!(lists["largest_files"]["rows"], json!([["/a/x", 7, null, 3]]));
        assert_eq!(lists["names"]["rows"], json!([["control", 9, ["a", "b"]]]));
        assert_eq!(lists["errors"]["rows"], json!([["open", "EACCES", 2]]));
        let examples = json!([["/a/secret", null, null, null], ["/b", null, "EIO", null]]);
        assert_eq!(lists["error_examples"]["rows"], examples);
        assert_eq!(lists["sizes"], json!({"rows": [], "left_out": 0}));
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let rows: Vec<_> = (0..10_000).map(|n| json!({"path": format!("/{n}")})).collect();
        let list = &lists(json!({"largest_files": rows}))["largest_files"];
        let n_rows = list["rows"].as_array().unwrap().len();
        assert!((500..2000).contains(&n_rows), "{n_rows}");
        assert_eq!(list["left_out"], 10_000 - n_rows);
    }

    #[test]
    fn ages_are_those_of_the_largest_owners() {
        let owner = |uid: u64| json!({"uid": uid, "bytes": uid * 10});
        let age = |uid: u64| json!({"uid": uid, "age": "older", "bytes": 1});
        let lists = lists(json!({
            "owners": (0..1000).map(owner).collect::<Vec<_>>(),
            "owner_ages": (0..1000).map(age).collect::<Vec<_>>(),
        }));
        let rows = lists["owner_ages"]["rows"].as_array().unwrap();
        let uids = rows.iter().map(|row| row[0].as_u64().unwrap());
        assert!(uids.eq(1000 - OWNERS_MAX as u64..1000));
        assert_eq!(lists["owner_ages"]["left_out"], 0);
    }
}
