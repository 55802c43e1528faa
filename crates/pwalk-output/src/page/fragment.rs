//! The main parts of a profile as a piece of HTML for notebooks: no script, no ids, no links, styles
//! in place.
//!
//! Notebooks differ in what they let through: some remove scripts and style sheets, all show plain
//! elements with a style of their own. Colors are those of the surroundings, or between light and
//! dark, since a notebook may be either.

use super::text;
use crate::profile::{Age, Profile};
use crate::words::{bytes, count};
use serde_json::Value;
use std::fmt::{self, Write};

/// Rows of a table, but for those of ages.
const N_ROWS: usize = 8;
/// A color that can be seen on white and on black.
const BAR: &str = "#4a86c5";
const CELL: &str = "padding:1px 12px 1px 0;text-align";

/// What a table shows: a name, entries, and bytes if these are known.
type Row = (String, u64, Option<u64>);

/// The main parts of a profile, for a notebook.
pub fn fragment(profile: &Profile) -> String {
    let mut out = String::new();
    write_all(&mut out, profile).expect("a String takes all");
    out
}

fn write_all(out: &mut String, profile: &Profile) -> fmt::Result {
    out.write_str("<div style=\"font-size:13px;line-height:1.5;max-width:1000px\">")?;
    write_head(out, profile)?;
    write_warning(out, profile)?;
    write_totals(out, profile)?;
    out.write_str("<div style=\"display:flex;flex-wrap:wrap;gap:4px 32px\">")?;
    for (title, rows) in tables(profile) {
        write_table(out, title, &rows)?;
    }
    out.write_str("</div></div>")
}

fn tables(profile: &Profile) -> [(&'static str, Vec<Row>); 4] {
    let trees = profile.largest_trees.iter().take(N_ROWS);
    let trees = trees.map(|row| (plain(&row.path.to_str()), row.entries, Some(row.bytes)));
    let extensions = profile.extensions.iter().take(N_ROWS);
    let extensions =
        extensions.map(|row| (extension(&row.extension.to_str()), row.entries, row.bytes));
    let owners = profile.owners.iter().take(N_ROWS);
    let owners = owners.map(|row| (owner(row.uid, row.name.as_deref()), row.entries, row.bytes));
    let ages = profile.mtime_ages.iter().filter(|row| row.entries > 0);
    let ages = ages.map(|row| (age(row.age).to_owned(), row.entries, row.bytes));
    [
        ("Largest directories", trees.collect()),
        ("Extensions", extensions.collect()),
        ("Last change", ages.collect()),
        ("Owners", owners.collect()),
    ]
}

fn extension(name: &str) -> String {
    if name.is_empty() { "(none)".to_owned() } else { plain(name) }
}

fn owner(uid: u32, name: Option<&str>) -> String {
    name.map_or_else(|| format!("uid {uid}"), plain)
}

fn age(age: Age) -> &'static str {
    match age {
        Age::Today => "today",
        Age::Week => "up to a week",
        Age::Month => "up to a month",
        Age::Quarter => "up to 3 months",
        Age::HalfYear => "up to 6 months",
        Age::Year1 => "up to a year",
        Age::Years2 => "up to 2 years",
        Age::Years3 => "up to 3 years",
        Age::Years5 => "up to 5 years",
        Age::Older => "older",
        Age::Future => "in the future",
    }
}

fn write_head(out: &mut String, profile: &Profile) -> fmt::Result {
    let mut roots: Vec<_> = profile.source.roots.iter().take(3).map(|root| plain(root)).collect();
    if let Some(scan) = profile.source.scan.as_ref().filter(|_| roots.is_empty()) {
        roots.push(plain(&scan.to_str()));
    }
    if let Some(n_more @ 1..) = profile.source.roots.len().checked_sub(3) {
        roots.push(format!("{n_more} more"));
    }
    let (roots, started) = (roots.join(", "), plain(&profile.started));
    write!(out, "<div><b>Profile of {roots}</b> <span style=\"opacity:.7\">{started}</span></div>")
}

fn write_warning(out: &mut String, profile: &Profile) -> fmt::Result {
    let n = profile.errors.count;
    let text = match (profile.complete, n) {
        (Some(true), 0) => return Ok(()),
        (Some(false), 0) => {
            "This profile is not complete: it was ended before everything was read.".into()
        }
        (None, 0) => "The saved scan does not say whether everything was read.".into(),
        (_, 1) => "1 error: what was not read is missing in all numbers.".into(),
        _ => format!("{} errors: what was not read is missing in all numbers.", count(n)),
    };
    write!(
        out,
        "<div style=\"border-left:4px solid #d08a2e;padding:2px 8px;margin:4px 0\">{text}</div>"
    )
}

fn write_totals(out: &mut String, profile: &Profile) -> fmt::Result {
    let totals = &profile.totals;
    write!(out, "<div style=\"margin:4px 0\"><b>{}</b> entries", count(totals.entries))?;
    let sizes = [
        (totals.apparent_bytes, "apparent size"),
        (totals.allocated_bytes, "allocated"),
        (totals.shared_bytes.filter(|bytes| *bytes > 0), "shared by hard links"),
    ];
    for (size, what) in sizes.into_iter().filter_map(|(size, what)| Some((size?, what))) {
        write!(out, " · <b>{}</b> {what}", bytes(size))?;
    }
    out.write_str("</div>")
}

/// A table with bars, if there is anything in it.
fn write_table(out: &mut String, title: &str, rows: &[Row]) -> fmt::Result {
    let Some(most) = rows.iter().map(|(_, _, size)| size.unwrap_or(0)).max() else {
        return Ok(());
    };
    write!(out, "<div><div style=\"margin-top:8px\"><b>{title}</b></div>")?;
    out.write_str("<table style=\"border-collapse:collapse\">")?;
    for (name, n_entries, size) in rows {
        let width = (size.unwrap_or(0) as f64 / most.max(1) as f64 * 100.0).ceil();
        let (size, n_entries) = (size.map(bytes).unwrap_or_default(), count(*n_entries));
        write!(
            out,
            "<tr><td style=\"{CELL}:left;overflow-wrap:anywhere\"><bdi>{name}</bdi></td>\
             <td style=\"{CELL}:left\"><div style=\"width:100px\">\
             <div style=\"background:{BAR};height:9px;width:{width}%\"></div></div></td>\
             <td style=\"{CELL}:right;white-space:nowrap\">{size}</td>\
             <td style=\"{CELL}:right;white-space:nowrap;opacity:.7\">{n_entries}</td></tr>"
        )?;
    }
    out.write_str("</table></div>")
}

/// A name as text in HTML: not too long, and without characters that can't be seen or that change
/// how others are.
fn plain(name: &str) -> String {
    let name = match text::shown(name) {
        Value::String(name) => name,
        cut => {
            format!("{}…{}", cut["head"].as_str().unwrap_or(""), cut["tail"].as_str().unwrap_or(""))
        }
    };
    let mut safe = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() || text::is_escaped(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Profile {
        let text = include_str!("../../../../docs/formats/profile-example.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn it_has_the_main_parts_and_what_could_not_be_seen() {
        let fragment = fragment(&example());
        for part in [
            "Profile of /data",
            "1 error: what was not read",
            "<b>14</b> entries",
            "<b>2.79 GiB</b> apparent size",
            "<bdi>bam</bdi>",
            "<bdi>(none)</bdi>",
            "<bdi>uid 1204</bdi>",
            "<bdi>up to 3 years</bdi>",
            "width:100%",
        ] {
            assert!(fragment.contains(part), "{part}: {fragment}");
        }
    }

    #[test]
    fn t57_names_are_text_and_it_stays_small() {
        let mut profile = example();
        let hostile = "<script>alert(1)</script>\"'&\u{202e}\u{1b}\u{2028}".repeat(1000);
        profile.source.roots = vec![hostile.clone(); 10];
        profile.pwalk.clone_from(&hostile);
        profile.started.clone_from(&hostile);
        profile.extensions[0].extension = hostile.as_str().into();
        profile.owners[0].name = Some(hostile.clone());
        profile.largest_trees[0].path = hostile.as_str().into();
        let fragment = fragment(&profile);
        assert!(
            !fragment.contains("<script") && !fragment.contains(['\u{202e}', '\u{1b}', '\u{2028}'])
        );
        assert!(
            fragment
                .contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}\\u{1b}")
        );
        assert!(fragment.contains("7 more"));
        assert!(fragment.len() < 50_000, "{}", fragment.len());
        for forbidden in ["<script", " id=", " on", "href", "src", "class=", "url("] {
            assert!(!fragment.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn a_profile_of_nothing_has_one_too() {
        let mut profile = example();
        profile.largest_trees.clear();
        profile.extensions.clear();
        profile.owners.clear();
        profile.mtime_ages.clear();
        profile.totals.allocated_bytes = None;
        profile.complete = Some(true);
        profile.errors.count = 0;
        let fragment = fragment(&profile);
        assert!(!fragment.contains("<table") && !fragment.contains("error"), "{fragment}");
    }
}
