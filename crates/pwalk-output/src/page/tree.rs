//! The directories of a profile's tree, as the page has them.
//!
//! Columns instead of objects, breadth first: the children of a directory are side by side, so that
//! their number is all that has to be known of them. Compressed, to a third of what they would be;
//! every browser of the last years has the other half of that. Numbers have five digits, and times
//! are days: the page shows no more of them.

use super::text;
use crate::profile::{Text, TreeRow};
use base64::Engine;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::Write;

/// Bytes that all of them together have room for.
const ROOM: usize = 400_000;
/// Bytes that their names have before they are compressed: what saves trying in vain.
const NAMES_ROOM: usize = 2_000_000;
const DAY: i64 = 86_400;

/// The tree as JSON, compressed, in base64; empty if there is none.
pub(crate) fn encode(tree: &[TreeRow]) -> String {
    // Only names that are long, and nothing like each other, have no room. Those of the upper
    // levels have it then: parents come before their children.
    let lengths = tree.iter().scan(0, |sum, dir| {
        *sum += dir.path.0.len().min(text::LEN_MAX);
        Some(*sum)
    });
    let most = lengths.take_while(|sum| *sum <= NAMES_ROOM).count();
    let fewer = std::iter::successors(Some(most), |len| (*len > 0).then_some(len / 2));
    let mut packed = fewer.map(|len| columns(&tree[..len]).map(|it| pack(&it)).unwrap_or_default());
    packed.find(|packed| packed.len() <= ROOM).unwrap_or_default()
}

fn pack(value: &Value) -> String {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let done = packed.write_all(value.to_string().as_bytes()).and_then(|()| packed.finish());
    base64::prelude::BASE64_STANDARD.encode(done.expect("a Vec takes all"))
}

/// What the page has of these directories; none if there are none.
fn columns(tree: &[TreeRow]) -> Option<Value> {
    let mut children = vec![Vec::new(); tree.len()];
    let mut roots = Vec::new();
    for (index, dir) in tree.iter().enumerate() {
        let above = dir.parent.filter(|&parent| parent < index);
        above.map_or(&mut roots, |parent| &mut children[parent]).push(index);
    }
    let n_roots = roots.len();
    let order = breadth_first(roots, &mut children);
    let dirs: Vec<_> = order.iter().map(|(dir, _)| &tree[*dir]).collect();
    dirs.first()?;
    let (extensions, number_of) = extensions(&dirs);
    let number = |dir: &TreeRow| dir.extension.as_ref().and_then(|name| number_of.get(name));
    Some(json!({
        "roots": n_roots,
        "extensions": extensions,
        "children": column(&order, |(_, n_children)| *n_children),
        "names": column(&dirs, |dir| shown(&dir.path)),
        "bytes": column(&dirs, |dir| rounded(dir.bytes)),
        "entries": column(&dirs, |dir| rounded(dir.entries)),
        "own_bytes": column(&dirs, |dir| dir.own_bytes.map(rounded)),
        "own_entries": column(&dirs, |dir| dir.own_entries.map(rounded)),
        "mtime": column(&dirs, |dir| dir.mtime.map(|time| time.div_euclid(DAY))),
        "atime": column(&dirs, |dir| dir.atime.map(|time| time.div_euclid(DAY))),
        "uid": column(&dirs, |dir| dir.uid),
        "extension": column(&dirs, |dir| number(dir).copied()),
    }))
}

/// All directories, each with the number of its children, which are side by side.
fn breadth_first(roots: Vec<usize>, children: &mut [Vec<usize>]) -> Vec<(usize, usize)> {
    let mut order: Vec<_> = roots.into_iter().map(|root| (root, 0)).collect();
    let mut next = 0;
    while let Some((dir, n_children)) = order.get_mut(next) {
        let below = std::mem::take(&mut children[*dir]);
        *n_children = below.len();
        order.extend(below.into_iter().map(|child| (child, 0)));
        next += 1;
    }
    order
}

fn column<T, V>(all: &[T], cell: impl Fn(&T) -> V) -> Value
where
    V: Into<Value>,
{
    all.iter().map(cell).collect()
}

fn shown(text: &Text) -> Value {
    text::shown(&text.to_str())
}

/// The extensions that occur, those of most bytes first, and the number of each.
fn extensions<'a>(dirs: &[&'a TreeRow]) -> (Value, HashMap<&'a Text, usize>) {
    let mut bytes: HashMap<&Text, u64> = HashMap::new();
    for dir in dirs {
        let Some(name) = &dir.extension else { continue };
        let sum = bytes.entry(name).or_default();
        *sum = sum.saturating_add(dir.own_bytes.unwrap_or(0));
    }
    let mut names: Vec<_> = bytes.into_iter().collect();
    names.sort_by_key(|&(name, bytes)| (Reverse(bytes), name));
    let cells = names.iter().map(|(name, _)| shown(name)).collect();
    (cells, names.iter().enumerate().map(|(index, &(name, _))| (name, index)).collect())
}

/// A number with no more than five digits that are not 0.
fn rounded(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(4));
    let digits = number / unit + u64::from(number % unit >= unit.div_ceil(2));
    digits.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn read(tree: &[TreeRow]) -> Value {
        let packed = base64::prelude::BASE64_STANDARD.decode(encode(tree)).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn dir(name: &str, parent: Option<usize>, bytes: u64, entries: u64) -> TreeRow {
        TreeRow {
            path: name.into(),
            parent,
            bytes,
            entries,
            allocated_bytes: None,
            atime: None,
            mtime: None,
            uid: None,
            extension: None,
            own_bytes: None,
            own_entries: None,
        }
    }

    #[test]
    fn the_children_of_a_directory_are_side_by_side() {
        let tree = read(&[
            dir("/", None, 100, 5),
            dir("b", Some(0), 70, 2),
            dir("a", Some(0), 10, 1),
            dir("d", Some(2), 5, 1),
            dir("c", Some(1), 60, 1),
            dir("/other", None, 3, 0),
        ]);
        assert_eq!(tree["names"], json!(["/", "/other", "b", "a", "c", "d"]));
        assert_eq!(tree["children"], json!([2, 0, 1, 1, 0, 0]));
        assert_eq!(tree["roots"], 2);
    }

    #[test]
    fn a_directory_has_its_numbers() {
        let root = TreeRow {
            own_bytes: Some(7),
            mtime: Some(-1),
            atime: Some(172_800),
            uid: Some(0),
            extension: Some("bam".into()),
            ..dir("/", None, 1_234_567_890_123, 99)
        };
        let tree = read(&[root, dir("a", Some(0), 1, 1)]);
        assert_eq!(tree["bytes"], json!([1_234_600_000_000_u64, 1]));
        assert_eq!(tree["own_bytes"], json!([7, null]));
        assert_eq!(tree["mtime"], json!([-1, null]));
        assert_eq!(tree["atime"], json!([2, null]));
        assert_eq!(tree["uid"], json!([0, null]));
        assert_eq!((&tree["extension"], &tree["extensions"]), (&json!([0, null]), &json!(["bam"])));
    }

    #[test]
    fn numbers_keep_five_digits() {
        let cases = [
            (0, 0),
            (99_999, 99_999),
            (123_456, 123_460),
            (999_999, 1_000_000),
            (1_234_549, 1_234_500),
            (1_234_550, 1_234_600),
            (u64::MAX, u64::MAX),
        ];
        for (number, expected) in cases {
            assert_eq!(rounded(number), expected);
        }
    }

    #[test]
    fn t57_names_without_room_make_it_fewer() {
        // A mixed-up number for each letter, so that nothing can be compressed.
        let letter = |n: u64| {
            char::from_u32((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44) as u32 | 0x2_0000)
        };
        let name = |n: u64| (0..200).filter_map(|at| letter(n * 200 + at)).collect::<String>();
        let mut tree = vec![dir("/", None, 100_000, 1)];
        tree.extend((0..10_000).map(|n| dir(&name(n), Some(0), 1, 0)));
        assert!((ROOM / 3..=ROOM).contains(&encode(&tree).len()));
        let n_names = read(&tree)["names"].as_array().unwrap().len();
        assert!((300..5000).contains(&n_names), "{n_names}");
    }

    #[test]
    fn no_directory_is_within_one_that_comes_later() {
        assert_eq!(encode(&[]), "");
        let circle =
            read(&[dir("a", Some(1), 1, 1), dir("b", Some(9), 1, 1), dir("c", Some(2), 0, 0)]);
        assert_eq!(circle["roots"], 3);
    }
}
