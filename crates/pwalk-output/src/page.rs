//! A profile as one page to look at: a single HTML file that asks for nothing from anywhere.
//!
//! Owns how a profile gets into the page: what of it has room, and that no name in it can be taken
//! for markup. Knows nothing of how a profile is made. How the page looks and what it does is in
//! `page/page.html`, `page/page.css` and `page/script/`.
//!
//! All that comes from the tree is JSON without `<`, `>` or `&`, or in base64, and the script puts it
//! onto the page as text. The policy of the page allows its own style and script, by their hashes,
//! and nothing else, so that a name that were taken for markup could not run, load or send
//! anything. The hashes stand in `page.html`; computing them at run time would cost a dependency.
//!
//! The page never has more than [`BYTES_MAX`] bytes: each list and the tree have room for so many
//! bytes, and what is left out is counted.

mod fragment;
mod lists;
mod text;
mod tree;

pub use fragment::fragment;

use crate::profile::{Profile, Text};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What no page exceeds, in bytes. Typical pages have a third of it.
pub const BYTES_MAX: usize = 1_000_000;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(
    include_str!("page/script/elements.js"),
    include_str!("page/script/numbers.js"),
    include_str!("page/script/head.js"),
    include_str!("page/script/tables.js"),
    include_str!("page/script/lists.js"),
    include_str!("page/script/charts.js"),
    include_str!("page/script/tree.js"),
    include_str!("page/script/colors.js"),
    include_str!("page/script/map.js"),
    include_str!("page/script/controls.js"),
    include_str!("page/script/start.js"),
);

/// Writes the page of a profile.
///
/// # Errors
///
/// Those of `out`.
pub fn write(profile: &Profile, mut out: impl Write) -> io::Result<()> {
    // What stands between the marks of the template is the name of a part.
    for (index, piece) in TEMPLATE.split("%%").enumerate() {
        match (index % 2, piece) {
            (0, markup) => out.write_all(markup.as_bytes())?,
            (_, "style") => out.write_all(STYLE.as_bytes())?,
            (_, "script") => out.write_all(SCRIPT.as_bytes())?,
            (_, "data") => out.write_all(data(profile).as_bytes())?,
            (_, "tree") => out.write_all(tree::encode(&profile.tree).as_bytes())?,
            (_, other) => unreachable!("page.html has a part {other}"),
        }
    }
    Ok(())
}

/// What the script reads first: all but the tree. Lists are rows.
fn data(profile: &Profile) -> String {
    let facts = text::encode(&facts(profile));
    format!("{{\"facts\":{facts},\"lists\":{}}}", lists::encode_all(profile))
}

/// What a profile has only one of.
fn facts(profile: &Profile) -> Value {
    let Profile { source, totals, empty, waste, errors, .. } = profile;
    let shown = |text: &Option<Text>| text.as_ref().map(|text| text::shown(&text.to_str()));
    json!({
        "pwalk": text::shown(&profile.pwalk),
        "kind": source.kind,
        "scan": shown(&source.scan),
        "condition": source.condition.as_deref().map(text::shown),
        "started": text::shown(&profile.started),
        "seconds": profile.seconds,
        "complete": profile.complete,
        "ages_as_of": text::shown(&profile.ages_as_of),
        "entries": totals.entries,
        "apparent_bytes": totals.apparent_bytes,
        "allocated_bytes": totals.allocated_bytes,
        "shared_bytes": totals.shared_bytes,
        "n_extensions": totals.extensions,
        "empty_dirs": empty.dirs,
        "empty_files": empty.files,
        "small_files": waste.files,
        "small_bytes": waste.bytes,
        "small_allocated_bytes": waste.allocated_bytes,
        "errors": errors.count,
        "skipped": profile.skipped,
        "trees_are_estimates": profile.trees_are_estimates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::TreeRow;
    use base64::Engine;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    fn page(profile: &Profile) -> String {
        let mut page = Vec::new();
        write(profile, &mut page).unwrap();
        String::from_utf8(page).unwrap()
    }

    fn example() -> Value {
        let text = include_str!("../../../docs/formats/profile-example.json");
        serde_json::from_str(text).unwrap()
    }

    /// Replaces all texts of a profile that are not of its own making, and makes its lists long.
    fn spoil(
        value: &mut Value,
        key: &str,
        names: &mut impl Iterator<Item = String>,
        n_rows: usize,
    ) {
        const OWN: [&str; 6] = ["age", "kind", "trouble", "started", "ages_as_of", "pwalk"];
        match value {
            Value::String(text) if !OWN.contains(&key) => *text = names.next().unwrap(),
            Value::Array(items) => {
                let Some(first) = items.first().cloned() else { return };
                items.resize_with(n_rows, || first.clone());
                items.iter_mut().for_each(|item| spoil(item, key, names, n_rows));
            }
            Value::Object(members) => {
                members.iter_mut().for_each(|(key, value)| spoil(value, key, names, n_rows));
            }
            _ => {}
        }
    }

    #[test]
    fn the_policy_has_the_hashes_of_style_and_script() {
        let hash = |text| base64::prelude::BASE64_STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
             form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let mark = "http-equiv=\"Content-Security-Policy\"\n  content=\"";
        let (before, rest) = TEMPLATE.split_once(mark).unwrap();
        let (found, after) = rest.split_once('"').unwrap();
        if std::env::var_os("PWALK_BLESS").is_some() && found != policy {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page/page.html");
            std::fs::write(path, [before, mark, &policy, "\"", after].concat()).unwrap();
            return;
        }
        assert_eq!(found, policy, "PWALK_BLESS=1 writes it anew");
    }

    #[test]
    fn style_and_script_end_where_they_should() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('\r'));
        }
        assert_eq!(
            TEMPLATE.split("%%").skip(1).step_by(2).collect::<Vec<_>>(),
            ["style", "data", "tree", "script"]
        );
    }

    fn spoiled(names: &[String], n_rows: usize) -> Profile {
        let (mut example, mut names) = (example(), names.iter().cloned().cycle());
        spoil(&mut example, "", &mut names, n_rows);
        serde_json::from_value(example).unwrap()
    }

    #[test]
    fn t57_no_name_is_markup() {
        let names =
            ["</script><script>alert(1)</script>.csv", "<!--<script>", "\"onerror=", "]]>", "&lt;"];
        let plain = page(&spoiled(&["plain".to_owned()], 3));
        let full = page(&spoiled(&names.map(str::to_owned), 3));
        for mark in ['<', '>', '&'] {
            assert_eq!(full.matches(mark).count(), plain.matches(mark).count(), "{mark}");
        }
        let read: Value =
            serde_json::from_str(&data(&spoiled(&names.map(str::to_owned), 3))).unwrap();
        for row in read["lists"]["largest_files"]["rows"].as_array().unwrap() {
            assert!(names.contains(&row[0].as_str().unwrap()), "{row}");
        }
    }

    /// A name that takes much more room than it has characters, or has many of them.
    fn hostile((unit, power, seed): (usize, u32, u32)) -> String {
        const UNITS: [&str; 4] = ["<", "\u{202e}\u{1f600}\"\\\u{1}", "\u{fffd}", "plain"];
        // One that is like no other, so that nothing can be compressed.
        let odd = (0..400).filter_map(|at| char::from_u32(((at * 48_271) ^ seed) % 0x1_0000));
        UNITS.get(unit).map_or_else(|| odd.collect(), |unit| unit.repeat(1 << power))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

        #[test]
        fn t57_no_tree_makes_the_page_longer_than_its_limit(
            names in proptest::collection::vec((0..6_usize, 0..17_u32, 0..0x1_0000_u32), 1..30),
            n_rows in 100..160_usize,
        ) {
            let names: Vec<_> = names.into_iter().map(hostile).collect();
            let mut profile = spoiled(&names, n_rows);
            let name = |n: usize| crate::profile::Text::from(names[n % names.len()].as_str());
            let child = |n: usize| TreeRow { path: name(n), parent: n.checked_sub(1), ..profile.tree[0].clone() };
            profile.tree = (0..10_000).map(child).collect();
            let page = page(&profile);
            prop_assert!(page.len() <= BYTES_MAX, "{}", page.len());
        }
    }

    #[test]
    fn a_profile_of_nothing_has_a_page() {
        let mut profile: Profile = serde_json::from_value(example()).unwrap();
        profile.tree.clear();
        profile.owners.clear();
        profile.totals.apparent_bytes = None;
        assert!(page(&profile).ends_with("</html>\n"));
    }
}
