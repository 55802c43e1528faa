//! The lists of a profile as rows of cells: which the page has, their columns, and how many rows.

use super::text;
use crate::profile::Profile;
use serde::Serialize;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::HashSet;

/// Bytes that the rows of one list have room for.
const ROOM: usize = 24_000;
/// Texts of a list within a cell.
const EXAMPLES_MAX: usize = 5;
/// Owners that are told apart by age and size.
const OWNERS_MAX: usize = 16;

/// A list that the page shows.
struct List {
    /// What the script calls it.
    name: &'static str,
    /// The profile's items.
    items: fn(&Profile) -> Value,
    /// Keys of these, in the order of the cells. Items that are no objects have one cell.
    columns: &'static [&'static str],
}

#[rustfmt::skip]
const LISTS: &[List] = &[
    List { name: "roots", items: |p| items(&p.source.roots), columns: &["path"] },
    List { name: "kinds", items: |p| items(&p.totals.by_kind), columns: &["kind", "entries", "bytes"] },
    List { name: "extensions", items: |p| items(&p.extensions),
        columns: &["extension", "entries", "bytes", "allocated_bytes", "is_estimate"] },
    List { name: "owners", items: |p| items(&p.owners),
        columns: &["uid", "name", "entries", "bytes", "is_estimate"] },
    List { name: "groups", items: |p| items(&p.groups),
        columns: &["gid", "name", "entries", "bytes", "is_estimate"] },
    List { name: "depths", items: |p| items(&p.depths),
        columns: &["depth", "entries", "bytes", "or_deeper"] },
    List { name: "sizes", items: |p| items(&p.sizes), columns: &["from", "to", "entries", "bytes"] },
    List { name: "mtime_ages", items: |p| items(&p.mtime_ages), columns: &["age", "entries", "bytes"] },
    List { name: "atime_ages", items: |p| items(&p.atime_ages), columns: &["age", "entries", "bytes"] },
    List { name: "owner_ages", items: |p| items(&of_largest_owners(p, &p.owner_ages, |row| row.uid)),
        columns: &["uid", "age", "entries", "bytes"] },
    List { name: "owner_sizes", items: |p| items(&of_largest_owners(p, &p.owner_sizes, |row| row.uid)),
        columns: &["uid", "from", "entries", "bytes"] },
    List { name: "dir_entries", items: |p| items(&p.dir_entries), columns: &["from", "to", "dirs"] },
    List { name: "largest_files", items: |p| items(&p.largest_files),
        columns: &["path", "bytes", "mtime", "uid"] },
    List { name: "largest_trees", items: |p| items(&p.largest_trees), columns:
        &["path", "entries", "files", "bytes", "allocated_bytes", "mtime", "errors"] },
    List { name: "largest_dirs", items: |p| items(&p.largest_dirs), columns: &["path", "entries", "bytes"] },
    List { name: "oldest_trees", items: |p| items(&p.oldest_trees),
        columns: &["path", "bytes", "atime", "mtime"] },
    List { name: "empty_dirs", items: |p| items(&p.empty.dir_examples), columns: &["path"] },
    List { name: "names", items: |p| items(&p.names), columns: &["trouble", "entries", "examples"] },
    List { name: "errors", items: |p| items(&p.errors.by), columns: &["operation", "errno", "count"] },
    List { name: "error_examples", items: |p| items(&p.errors.examples),
        columns: &["path", "operation", "errno", "message"] },
];

/// All lists by their names, as JSON.
pub(crate) fn encode_all(profile: &Profile) -> String {
    let lists: Vec<_> = LISTS.iter().map(|list| encode(list, profile)).collect();
    format!("{{{}}}", lists.join(","))
}

fn encode(list: &List, profile: &Profile) -> String {
    let items = (list.items)(profile);
    let items = items.as_array().map_or(&[][..], Vec::as_slice);
    let mut rows = Vec::new();
    let mut room = ROOM;
    for item in items {
        let row = text::encode(&row(list, item));
        let Some(rest) = room.checked_sub(row.len() + 1) else { break };
        room = rest;
        rows.push(row);
    }
    let n_left_out = items.len() - rows.len();
    format!("\"{}\":{{\"rows\":[{}],\"left_out\":{n_left_out}}}", list.name, rows.join(","))
}

/// Items as JSON has them.
fn items<T: Serialize>(list: &[T]) -> Value {
    serde_json::to_value(list).expect("a profile has no keys but texts")
}

/// The rows of the owners with most bytes: of each owner there are many by age and by size.
fn of_largest_owners<T: Clone>(profile: &Profile, rows: &[T], uid: fn(&T) -> u32) -> Vec<T> {
    let mut owners: Vec<_> = profile.owners.iter().collect();
    owners.sort_by_key(|owner| Reverse(owner.bytes));
    let owners: HashSet<_> = owners.iter().take(OWNERS_MAX).map(|owner| owner.uid).collect();
    rows.iter().filter(|row| owners.contains(&uid(row))).cloned().collect()
}

fn row(list: &List, item: &Value) -> Value {
    let Some(object) = item.as_object() else { return json!([cell(item)]) };
    list.columns.iter().map(|key| cell(&object[*key])).collect()
}

/// A value as a cell: texts not longer than they may be, of lists the first texts.
fn cell(value: &Value) -> Value {
    match value {
        Value::String(text) => text::shown(text),
        Value::Array(items) => {
            let texts = items.iter().filter_map(Value::as_str);
            texts.take(EXAMPLES_MAX).map(text::shown).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists of the example, with what is given instead.
    fn lists(changes: Value) -> Value {
        let text = include_str!("../../../../docs/formats/profile-example.json");
        let mut profile: Value = serde_json::from_str(text).unwrap();
        let changes = changes.as_object().unwrap().clone();
        profile.as_object_mut().unwrap().extend(changes);
        let profile: Profile = serde_json::from_value(profile).unwrap();
        serde_json::from_str(&encode_all(&profile)).unwrap()
    }

    #[test]
    fn rows_have_the_cells_of_their_columns() {
        let lists = lists(json!({
            "largest_files": [{"uid": 3, "path": "/a/x", "bytes": 7, "more": 1}],
            "names": [{"trouble": "control", "entries": 9, "examples": ["a", "b"]}],
        }));
        assert_eq!(lists["roots"], json!({"rows": [["/data"]], "left_out": 0}));
        assert_eq!(lists["largest_files"]["rows"], json!([["/a/x", 7, null, 3]]));
        assert_eq!(lists["names"]["rows"], json!([["control", 9, ["a", "b"]]]));
        assert_eq!(lists["errors"]["rows"], json!([["open", "EACCES", 1]]));
        let examples = json!([["/data/secret", "open", "EACCES", "Permission denied"]]);
        assert_eq!(lists["error_examples"]["rows"], examples);
    }

    #[test]
    fn every_column_is_a_key_of_the_profile() {
        let text = include_str!("../../../../docs/formats/profile-example.json");
        let profile: Profile = serde_json::from_str(text).unwrap();
        for list in LISTS {
            let items = (list.items)(&profile);
            let Some(first) = items[0].as_object() else { continue };
            assert!(list.columns.iter().all(|key| first.contains_key(*key)), "{}", list.name);
        }
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let file = |n| json!({"path": format!("/{n}"), "bytes": 1});
        let rows: Vec<_> = (0..10_000).map(file).collect();
        let list = &lists(json!({"largest_files": rows}))["largest_files"];
        let n_rows = list["rows"].as_array().unwrap().len();
        assert!((500..2000).contains(&n_rows), "{n_rows}");
        assert_eq!(list["left_out"], 10_000 - n_rows);
    }

    #[test]
    fn ages_are_those_of_the_largest_owners() {
        let owner = |uid: u64| {
            json!({"uid": uid, "name": null, "entries": 1, "bytes": uid * 10, "allocated_bytes": 0,
                "is_estimate": false})
        };
        let age = |uid: u64| json!({"uid": uid, "age": "older", "entries": 1, "bytes": 1});
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
