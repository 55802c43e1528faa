//! The directories of a profile's tree that the page draws, and how it has them.
//!
//! The largest by their share of bytes or of entries, whichever is more, since the page draws
//! either; a directory's share is never more than its parent's, so what is chosen has all its
//! parents. As many as there is room for.
//!
//! The page has columns instead of objects, breadth first: the children of a directory are side by
//! side, so that their number is all that has to be known of them. Numbers have five digits, and
//! times are days: the page shows no more of them, and a third of its bytes is saved.

use super::text;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Bytes that all directories together have room for: about 3,000 of them.
const ROOM: usize = 200_000;
/// Bytes of what is known only after all have been chosen: children, extension, commas.
const REST_LEN: usize = 20;
/// Bytes of all extensions.
const EXTENSIONS_ROOM: usize = 10_000;
const DAY: i64 = 86_400;

/// What a directory has in a column, as JSON.
type Cell = fn(&Dir<'_>) -> String;

/// Columns with a cell that depends on nothing but the directory.
const COLUMNS: [(&str, Cell); 8] = [
    ("names", |dir| text::encode(&text::shown(dir.name()))),
    ("bytes", |dir| rounded(dir.number("bytes"))),
    ("entries", |dir| rounded(dir.number("entries"))),
    ("own_bytes", |dir| rounded(dir.number("own_bytes"))),
    ("own_entries", |dir| rounded(dir.number("own_entries"))),
    ("mtime", |dir| dir.day("mtime")),
    ("atime", |dir| dir.day("atime")),
    ("uid", |dir| dir.item["uid"].as_u64().map_or_else(null, |uid| uid.to_string())),
];

/// A directory of the profile's list.
struct Dir<'a> {
    item: &'a Value,
    /// Indexes of its children in the list.
    children: Vec<usize>,
}

impl<'a> Dir<'a> {
    fn name(&self) -> &'a str {
        self.item["path"].as_str().unwrap_or_default()
    }

    fn extension(&self) -> Option<&'a str> {
        self.item["extension"].as_str()
    }

    /// Never negative, whatever the profile says.
    fn number(&self, key: &str) -> u64 {
        self.item[key].as_u64().unwrap_or(0)
    }

    /// A time in days since the epoch.
    fn day(&self, key: &str) -> String {
        let seconds = self.item[key].as_i64();
        seconds.map_or_else(null, |seconds| seconds.div_euclid(DAY).to_string())
    }

    /// Bytes that it takes in all columns.
    fn encoded_len(&self) -> usize {
        COLUMNS.iter().map(|(_, cell)| cell(self).len()).sum::<usize>() + REST_LEN
    }
}

/// The tree as JSON; null if there is none.
pub(crate) fn encode(tree: &Value) -> String {
    let items = tree.as_array().map_or(&[][..], Vec::as_slice);
    let (dirs, roots) = dirs(items);
    let is_chosen = choose(&dirs, &roots);
    let n_chosen = |indexes: &[usize]| indexes.iter().filter(|&&index| is_chosen[index]).count();
    let order: Vec<_> =
        breadth_first(&dirs, &roots, &is_chosen).into_iter().map(|index| &dirs[index]).collect();
    if order.is_empty() {
        return null();
    }
    let column = |cell: &dyn Fn(&Dir<'_>) -> String| {
        format!("[{}]", order.iter().map(|dir| cell(dir)).collect::<Vec<_>>().join(","))
    };
    let (extensions, index_of) = extensions(&order);
    let index = |dir: &Dir<'_>| dir.extension().and_then(|name| index_of.get(name));
    let mut members = vec![
        ("roots", n_chosen(&roots).to_string()),
        ("left_out", (items.len() - order.len()).to_string()),
        ("extensions", text::encode(&extensions)),
        ("extension", column(&|dir| index(dir).map_or_else(null, usize::to_string))),
        ("children", column(&|dir| n_chosen(&dir.children).to_string())),
    ];
    members.extend(COLUMNS.map(|(name, cell)| (name, column(&cell))));
    let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// All directories, and the indexes of those without a parent.
fn dirs(items: &[Value]) -> (Vec<Dir<'_>>, Vec<usize>) {
    let mut dirs: Vec<_> = items.iter().map(|item| Dir { item, children: Vec::new() }).collect();
    let mut roots = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let parent = item["parent"].as_u64().and_then(|parent| usize::try_from(parent).ok());
        match parent.filter(|&parent| parent < items.len() && parent != index) {
            Some(parent) => dirs[parent].children.push(index),
            None => roots.push(index),
        }
    }
    (dirs, roots)
}

/// Marks the largest directories, each after its parent.
fn choose(dirs: &[Dir<'_>], roots: &[usize]) -> Vec<bool> {
    let total = |key| roots.iter().map(|&root| dirs[root].number(key) as f64).sum::<f64>();
    let totals = ["bytes", "entries"].map(|key| (key, total(key).max(1.0)));
    let weight = |index: usize| {
        let shares = totals.map(|(key, total)| dirs[index].number(key) as f64 / total);
        // Whole numbers can be ordered.
        (shares[0].max(shares[1]) * 1e15) as u64
    };
    let candidate = |&index: &usize| (weight(index), Reverse(index));
    let mut candidates: BinaryHeap<_> = roots.iter().map(candidate).collect();
    let mut is_chosen = vec![false; dirs.len()];
    let mut room = ROOM;
    while let Some((_, Reverse(index))) = candidates.pop() {
        let Some(rest) = room.checked_sub(dirs[index].encoded_len()) else { break };
        room = rest;
        is_chosen[index] = true;
        candidates.extend(dirs[index].children.iter().map(candidate));
    }
    is_chosen
}

/// The directories that were chosen, siblings side by side, the largest first.
fn breadth_first(dirs: &[Dir<'_>], roots: &[usize], is_chosen: &[bool]) -> Vec<usize> {
    let mut order = Vec::new();
    let add = |siblings: &[usize], order: &mut Vec<usize>| {
        let from = order.len();
        order.extend(siblings.iter().filter(|&&index| is_chosen[index]));
        order[from..].sort_by_key(|&index| (Reverse(dirs[index].number("bytes")), index));
    };
    add(roots, &mut order);
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        add(&dirs[index].children, &mut order);
        next += 1;
    }
    order
}

/// The extensions that occur, those of most bytes first, and the index of each.
fn extensions<'a>(dirs: &[&Dir<'a>]) -> (Value, HashMap<&'a str, usize>) {
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    for dir in dirs {
        let Some(name) = dir.extension() else { continue };
        let sum = bytes.entry(name).or_default();
        *sum = sum.saturating_add(dir.number("own_bytes"));
    }
    let mut names: Vec<_> = bytes.into_iter().collect();
    names.sort_by_key(|&(name, bytes)| (Reverse(bytes), name));
    let mut room = EXTENSIONS_ROOM;
    let has_room = |cell: &Value| {
        let rest = room.checked_sub(text::encode(cell).len() + 1);
        room = rest.unwrap_or(0);
        rest.is_some()
    };
    let cells = names.iter().map(|(name, _)| text::shown(name)).take_while(has_room);
    let cells: Vec<_> = cells.collect();
    let index_of = names.iter().take(cells.len()).enumerate();
    let index_of = index_of.map(|(index, &(name, _))| (name, index)).collect();
    (cells.into(), index_of)
}

fn null() -> String {
    "null".to_owned()
}

/// A number as JSON: five digits, and how many more there are.
fn rounded(number: u64) -> String {
    let n_more = number.checked_ilog10().unwrap_or(0).saturating_sub(4);
    let unit = 10_u64.pow(n_more);
    let digits = number / unit + u64::from(number % unit >= unit.div_ceil(2));
    match n_more {
        0 | 1 => (digits * unit).to_string(),
        _ => format!("{digits}e{n_more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(tree: &Value) -> Value {
        serde_json::from_str(&encode(tree)).unwrap()
    }

    fn dir(name: &str, parent: Option<usize>, bytes: u64, entries: u64) -> Value {
        json!({"path": name, "parent": parent, "bytes": bytes, "entries": entries})
    }

    #[test]
    fn directories_are_breadth_first_and_the_largest_first() {
        let tree = read(&json!([
            dir("a", Some(3), 10, 1),
            dir("b", Some(3), 70, 2),
            dir("c", Some(1), 60, 1),
            dir("/", None, 100, 5),
            dir("d", Some(0), 5, 1),
            dir("/other", None, 3, 0),
        ]));
        assert_eq!(tree["names"], json!(["/", "/other", "b", "a", "c", "d"]));
        assert_eq!(tree["children"], json!([2, 0, 1, 1, 0, 0]));
        assert_eq!(tree["roots"], 2);
        assert_eq!(tree["left_out"], 0);
    }

    #[test]
    fn a_directory_has_its_numbers() {
        let mut root = dir("/", None, 1_234_567_890_123, 99);
        let more = json!({"own_bytes": 7, "mtime": -1, "atime": 172_800, "uid": 0});
        root.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root["extension"] = "bam".into();
        let tree = read(&json!([root, dir("a", Some(0), 1, 1)]));
        assert_eq!(tree["bytes"], json!([1.2346e12, 1]));
        assert_eq!(tree["mtime"], json!([-1, null]));
        assert_eq!(tree["atime"], json!([2, null]));
        assert_eq!(tree["uid"], json!([0, null]));
        assert_eq!((&tree["extension"], &tree["extensions"]), (&json!([0, null]), &json!(["bam"])));
    }

    #[test]
    fn numbers_keep_five_digits() {
        let cases = [
            (0, "0"),
            (99_999, "99999"),
            (123_456, "123460"),
            (999_999, "1000000"),
            (1_234_549, "12345e2"),
            (1_234_550, "12346e2"),
            (u64::MAX, "18447e15"),
        ];
        for (number, text) in cases {
            assert_eq!(rounded(number), text);
        }
    }

    #[test]
    fn the_largest_by_bytes_or_by_entries_have_room() {
        let mut tree = vec![dir("/", None, 1_000_000, 1_000_000)];
        tree.extend((0..100_000).map(|n| dir(&format!("small {n}"), Some(0), 1, 1)));
        tree.push(dir("of bytes", Some(0), 800_000, 2));
        tree.push(dir("of entries", Some(0), 2, 800_000));
        let tree = read(&tree.into());
        let names = tree["names"].as_array().unwrap();
        assert!(names.contains(&"of bytes".into()) && names.contains(&"of entries".into()));
        assert!((2000..10_000).contains(&names.len()), "{}", names.len());
        assert_eq!(tree["left_out"], 100_003 - names.len());
        assert!(tree.to_string().len() < ROOM + 1000);
    }

    #[test]
    fn a_chain_is_as_long_as_there_is_room() {
        let parent = |n: usize| n.checked_sub(1);
        let tree: Vec<_> = (0..100_000).map(|n| dir("d", parent(n), 100_000, 100_000)).collect();
        let tree = read(&tree.into());
        assert_eq!(tree["roots"], 1);
        let children = tree["children"].as_array().unwrap();
        assert!(children.iter().rev().skip(1).all(|n| *n == 1));
    }

    #[test]
    fn what_is_no_tree_is_none() {
        let circle = json!([dir("a", Some(1), 1, 1), dir("b", Some(0), 1, 1)]);
        for tree in [Value::Null, json!([]), json!({}), circle] {
            assert_eq!(encode(&tree), "null");
        }
        let odd = json!([1, {"path": 3, "bytes": -1, "parent": 0}, {"parent": 1e300}]);
        assert_eq!(read(&odd)["names"], json!(["", "", ""]));
    }
}
