//! A profile as one page to look at: a single HTML file that asks for nothing from anywhere.
//!
//! Owns how a profile gets into the page: what of it has room, and that no name in it can be taken
//! for markup. Knows nothing of how a profile is made; its JSON is the input. How the page looks
//! and what it does is in `page/page.html`, `page/page.css` and `page/page.js`.
//!
//! All that comes from the tree is in one JSON text without `<`, `>` or `&`, which the script puts
//! onto the page as text. The policy of the page allows its own style and script, by their hashes,
//! and nothing else, so that a name that were taken for markup could not run, load or send
//! anything. The hashes stand in `page.html`; computing them at run time would cost a dependency.
//!
//! The page never has more than [`BYTES_MAX`] bytes: each list and the tree have room for so many
//! bytes, and what is left out is counted.

mod chosen;
mod lists;
mod text;

use serde_json::{Value, json};
use std::io::{self, Write};

/// What no page exceeds, in bytes. Typical pages have a third of it.
pub const BYTES_MAX: usize = 1_000_000;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Writes the page of a profile, given as its JSON. Keys that are missing are left out of the page.
///
/// # Errors
///
/// Those of `out`.
pub fn write(profile: &Value, mut out: impl Write) -> io::Result<()> {
    // What stands between the marks of the template is the name of a part.
    for (index, piece) in TEMPLATE.split("%%").enumerate() {
        match (index % 2, piece) {
            (0, markup) => out.write_all(markup.as_bytes())?,
            (_, "style") => out.write_all(STYLE.as_bytes())?,
            (_, "script") => out.write_all(SCRIPT.as_bytes())?,
            (_, "data") => out.write_all(data(profile).as_bytes())?,
            (_, other) => unreachable!("page.html has a part {other}"),
        }
    }
    Ok(())
}

/// What the script reads: parts of the profile, lists as rows, the tree as columns.
fn data(profile: &Value) -> String {
    let scalar = |pointer| lists::cell(profile.pointer(pointer).unwrap_or(&Value::Null));
    let facts = json!({
        "pwalk": scalar("/pwalk"),
        "kind": scalar("/source/kind"),
        "started": scalar("/started"),
        "seconds": scalar("/seconds"),
        "complete": scalar("/complete"),
        "entries": scalar("/totals/entries"),
        "apparent_bytes": scalar("/totals/apparent_bytes"),
        "allocated_bytes": scalar("/totals/allocated_bytes"),
        "shared_bytes": scalar("/totals/shared_bytes"),
        "empty_dirs": scalar("/empty/dirs"),
        "empty_files": scalar("/empty/files"),
        "small_files": scalar("/waste/files"),
        "small_bytes": scalar("/waste/bytes"),
        "small_allocated_bytes": scalar("/waste/allocated_bytes"),
        "errors": scalar("/errors/count"),
    });
    format!(
        "{{\"facts\":{},\"lists\":{},\"tree\":{}}}",
        text::encode(&facts),
        lists::encode_all(profile),
        chosen::encode(profile.get("tree").unwrap_or(&Value::Null)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sha2::{Digest, Sha256};

    fn page(profile: &Value) -> String {
        let mut page = Vec::new();
        write(profile, &mut page).unwrap();
        String::from_utf8(page).unwrap()
    }

    /// A list that has no room, of texts that are escaped.
    fn endless(keys: &[&str]) -> Value {
        let names = ["<".repeat(1000), "\u{202e}\u{1f600}\"\\\u{1}".repeat(200)];
        let row = |index: usize| {
            let cell = |key: &&str| ((*key).to_owned(), json!(names[index % names.len()]));
            keys.iter().map(cell).collect::<serde_json::Map<_, _>>().into()
        };
        (0..150).map(row).collect::<Vec<Value>>().into()
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
            ["style", "data", "script"]
        );
    }

    #[test]
    fn no_name_is_markup() {
        let names =
            ["</script><script>alert(1)</script>.csv", "<!--<script>", "\"onerror=", "]]>", "&lt;"];
        let rows: Vec<_> = names.iter().map(|name| json!({"path": name, "bytes": 1})).collect();
        let profile = json!({
            "pwalk": names[0], "source": {"roots": names, "kind": names[1]},
            "largest_files": rows, "extensions": [{"extension": names[0]}],
            "owners": [{"uid": 1, "name": names[0]}], "tree": rows,
            "names": [{"trouble": "control", "entries": 5, "examples": names}],
            "errors": {"count": 5, "by": [{"operation": names[0]}], "examples": names},
        });
        let (empty, full) = (page(&json!({})), page(&profile));
        for mark in ['<', '>', '&'] {
            assert_eq!(full.matches(mark).count(), empty.matches(mark).count(), "{mark}");
        }
        let read: Value = serde_json::from_str(&data(&profile)).unwrap();
        let largest = read["lists"]["largest_files"]["rows"].as_array().unwrap();
        assert!(largest.iter().map(|row| &row[0]).eq(names.iter()));
    }

    #[test]
    fn no_tree_makes_the_page_longer_than_its_limit() {
        let mut profile = serde_json::Map::new();
        for list in lists::LISTS {
            let mut place = &mut profile;
            let (last, folders) = list.path.split_last().unwrap();
            for folder in folders {
                let inner = place.entry(*folder).or_insert_with(|| json!({}));
                place = inner.as_object_mut().unwrap();
            }
            place.insert((*last).to_owned(), endless(list.columns));
        }
        profile.insert("tree".to_owned(), endless(&["path", "extension"]));
        let long = "<".repeat(1_000_000);
        for key in ["pwalk", "started", "seconds", "complete"] {
            profile.insert(key.to_owned(), json!(long));
        }
        let page = page(&profile.into());
        // The lists were full, or the test would show nothing.
        assert!((400_000..BYTES_MAX).contains(&page.len()), "{}", page.len());
    }

    #[test]
    fn an_empty_profile_has_a_page() {
        for profile in [json!({}), json!(null), json!({"tree": 1, "owners": {}, "totals": []})] {
            let read: Value = serde_json::from_str(&data(&profile)).unwrap();
            assert_eq!(read["facts"]["entries"], Value::Null);
            assert!(page(&profile).ends_with("</html>\n"));
        }
    }
}
