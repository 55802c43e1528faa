//! What of a profile is printed, in which order and in which words.

use super::args::By;
use super::table::{List, Look, Row, Table};
use crate::message::one_line;
use crate::words;
use pwalk::profile::{Age, Empty, ErrorRow, Profile, Text, Trouble, Waste};

/// What is said of a scan without a summary.
const UNKNOWN: &str = "whether anything could not be seen is not known: the scan doesn't say";

/// Errors and names that are shown.
const N_EXAMPLES: usize = 3;

/// The whole profile, or one part of it, with so many items of each list.
pub(crate) fn text(profile: &Profile, by: Option<By>, n_shown: usize, look: Look) -> String {
    let part = |by| tables(profile, by, n_shown, look);
    let mut lines = head(profile, look);
    match by {
        Some(by) => {
            lines.extend(part(by));
            lines.extend(of_owners(profile, by, n_shown, look));
        }
        None => {
            lines.extend(kinds(profile, look));
            for by in [By::Extension, By::Owner, By::Group, By::Age, By::Size, By::Depth] {
                lines.extend(part(by));
            }
            lines.extend(lists(profile, n_shown, look));
            lines.extend(remarks(profile, look));
        }
    }
    lines.join("\n")
}

/// What could not be seen, and what it is all about.
fn head(profile: &Profile, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let errors = &profile.errors;
    if profile.complete == Some(false) {
        let by: Vec<_> = errors.by.iter().map(reason).collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        let text = format!("NOT complete, {}{by}:", words::errors(errors.count));
        lines.extend(look.sentence(&text).iter().map(|line| look.warning(line)));
        let shown = errors.examples.iter().take(N_EXAMPLES);
        lines.extend(shown.map(|error| {
            let path = one_line(&error.path.to_str());
            look.line(&format!("  {path}: {} ({})", error.message, error.operation))
        }));
        lines.push(String::new());
    }
    let roots = one_line(&profile.source.roots.join(", "));
    let name = match (&profile.source.scan, roots.as_str()) {
        (None, roots) => roots.to_owned(),
        (Some(scan), "") => one_line(&scan.to_str()),
        (Some(scan), roots) => format!("{}, a scan of {roots}", one_line(&scan.to_str())),
    };
    lines.push(look.title(&look.line(&name)));
    lines.extend(look.sentence(&sums(profile)));
    if let Some(condition) = &profile.source.condition {
        lines.push(look.line(&format!("only entries with {}", one_line(condition))));
    }
    if profile.complete.is_none() {
        lines.extend(look.sentence(UNKNOWN));
    }
    lines
}

/// `40 EACCES on open`
fn reason(row: &ErrorRow) -> String {
    let operation = row.operation.as_ref().map_or_else(String::new, |name| format!(" on {name}"));
    format!("{} {}{operation}", words::count(row.count), row.errno)
}

fn sums(profile: &Profile) -> String {
    let totals = &profile.totals;
    let sums = [
        (totals.apparent_bytes, "apparent"),
        (totals.allocated_bytes, "allocated"),
        (
            totals.shared_bytes.filter(|bytes| *bytes > 0),
            "more if hard links were files of their own",
        ),
    ];
    let sums =
        sums.into_iter().filter_map(|(n, word)| Some(format!("{} {word}", words::bytes(n?))));
    let texts: Vec<_> = std::iter::once(words::entries(totals.entries)).chain(sums).collect();
    texts.join(", ")
}

fn kinds(profile: &Profile, look: Look) -> Vec<String> {
    let rows = profile.totals.by_kind.iter();
    let rows = rows.map(|row| (row.kind.clone(), vec![], row.entries, row.bytes));
    Counted { title: "Kind", head: "entries", extra: &[], n_more: 0 }.lines(rows, look)
}

/// What a table counts: a label, numbers in front of the others, entries, and bytes if these are
/// known.
type Count = (String, Vec<String>, u64, Option<u64>);

/// A table of entries and bytes, with a bar for bytes.
struct Counted<'a> {
    title: &'a str,
    /// What is counted.
    head: &'static str,
    /// Numbers in front of the others, which have room first.
    extra: &'a [&'static str],
    /// Rows that there are besides.
    n_more: u64,
}

impl Counted<'_> {
    fn lines(&self, rows: impl Iterator<Item = Count> + Clone, look: Look) -> Vec<String> {
        let bytes = rows.clone().filter_map(|(.., bytes)| bytes);
        let all = bytes.fold(0, u64::saturating_add);
        self.lines_of(rows, all, look)
    }

    /// Shares are of `all` bytes.
    fn lines_of(&self, rows: impl Iterator<Item = Count>, all: u64, look: Look) -> Vec<String> {
        let mut has_bytes = false;
        let row = |(label, mut numbers, entries, bytes): Count| {
            has_bytes |= bytes.is_some();
            numbers.push(words::count(entries));
            numbers.extend(bytes.map(words::bytes));
            Row { label, numbers, share: bytes.map(|bytes| bytes as f64 / all.max(1) as f64) }
        };
        let rows: Vec<_> = rows.map(row).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let heads: &[_] = if has_bytes { &[self.head, "bytes"] } else { &[self.head] };
        let heads = [self.extra, heads].concat();
        let table = Table { title: self.title.to_owned(), heads, rows };
        let mut lines = vec![String::new()];
        lines.extend(table.lines(look));
        if self.n_more > 0 {
            lines.push(format!("  and {} more", words::count(self.n_more)));
        }
        lines
    }
}

fn tables(profile: &Profile, by: By, n_shown: usize, look: Look) -> Vec<String> {
    match by {
        By::Extension => extensions(profile, n_shown, look),
        By::Owner => owners(profile, n_shown, look),
        By::Group => groups(profile, n_shown, look),
        By::Age => ages(profile, look),
        By::Size => sizes(profile, look),
        By::Depth => depths(profile, n_shown, look),
    }
}

fn n_more(n_known: Option<u64>, n_there: usize, n_shown: usize) -> u64 {
    n_known.unwrap_or(n_there as u64).saturating_sub(n_there.min(n_shown) as u64)
}

fn extensions(profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
    let kinds = profile.totals.by_kind.iter();
    let files = kinds.filter(|row| row.kind == "file" || row.kind == "unknown");
    let bytes = files.filter_map(|row| row.bytes).fold(0, u64::saturating_add);
    let rows = profile.extensions.iter().take(n_shown).map(|row| {
        let name =
            if row.extension.0.is_empty() { "(none)".to_owned() } else { shown(&row.extension) };
        (at_least(name, row.is_estimate), vec![], row.entries, row.bytes)
    });
    let n_more = n_more(profile.totals.extensions, profile.extensions.len(), n_shown);
    let table = Counted { title: "Extension", head: "files", extra: &[], n_more };
    table.lines_of(rows, bytes, look)
}

/// A count that may lack some is marked.
fn at_least(label: String, is_estimate: bool) -> String {
    if is_estimate { format!("{label} (at least)") } else { label }
}

fn owners(profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
    let cold = |uid: u32| {
        let rows = profile.owner_ages.iter().filter(|row| row.uid == uid);
        let rows = rows.filter(|row| (Age::Years2..=Age::Older).contains(&row.age));
        words::bytes(rows.filter_map(|row| row.bytes).fold(0, u64::saturating_add))
    };
    let extra: &[_] = if has_bytes_by_age(profile) { &["over 1 year old"] } else { &[] };
    let rows = profile.owners.iter().take(n_shown).map(|row| {
        let label = at_least(named(row.name.as_deref(), row.uid), row.is_estimate);
        (label, extra.iter().map(|_| cold(row.uid)).collect(), row.entries, row.bytes)
    });
    let n_more = n_more(profile.totals.owners, profile.owners.len(), n_shown);
    let table = Counted { title: "Owner", head: "entries", extra, n_more };
    table.lines_of(rows, profile.totals.apparent_bytes.unwrap_or(0), look)
}

fn has_bytes_by_age(profile: &Profile) -> bool {
    profile.mtime_ages.iter().any(|row| row.bytes.is_some())
}

fn groups(profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
    let rows = profile.groups.iter().take(n_shown).map(|row| {
        let label = at_least(named(row.name.as_deref(), row.gid), row.is_estimate);
        (label, vec![], row.entries, row.bytes)
    });
    let n_more = n_more(profile.totals.groups, profile.groups.len(), n_shown);
    let table = Counted { title: "Group", head: "entries", extra: &[], n_more };
    table.lines_of(rows, profile.totals.apparent_bytes.unwrap_or(0), look)
}

/// The name of an owner or a group, or the number if it has none here.
fn named(name: Option<&str>, id: u32) -> String {
    name.map_or_else(|| id.to_string(), one_line)
}

fn ages(profile: &Profile, look: Look) -> Vec<String> {
    let tables = [("Changed", &profile.mtime_ages), ("Read", &profile.atime_ages)];
    let lines = |(title, rows): (&str, &Vec<pwalk::profile::AgeRow>)| {
        // What nothing is as old as has no row at the end.
        let n_rows = rows.iter().rposition(|row| row.entries > 0).map_or(0, |last| last + 1);
        let rows = rows[..n_rows].iter();
        let rows = rows.map(|row| (age(row.age).to_owned(), vec![], row.entries, row.bytes));
        Counted { title, head: "files", extra: &[], n_more: 0 }.lines(rows, look)
    };
    tables.into_iter().flat_map(lines).collect()
}

fn age(age: Age) -> &'static str {
    match age {
        Age::Today => "today",
        Age::Week => "within a week",
        Age::Month => "within a month",
        Age::Quarter => "within 3 months",
        Age::HalfYear => "within 6 months",
        Age::Year1 => "within a year",
        Age::Years2 => "within 2 years",
        Age::Years3 => "within 3 years",
        Age::Years5 => "within 5 years",
        Age::Older => "before that",
        Age::Future => "in the future",
    }
}

/// Classes of sizes that are printed: each up to a power of two. All powers are in the JSON.
const SIZES: [(u64, &str); 9] = [
    (1, "empty"),
    (1 << 10, "below 1 KiB"),
    (1 << 15, "below 32 KiB"),
    (1 << 20, "below 1 MiB"),
    (1 << 25, "below 32 MiB"),
    (1 << 30, "below 1 GiB"),
    (1 << 35, "below 32 GiB"),
    (1 << 40, "below 1 TiB"),
    (u64::MAX, "1 TiB or more"),
];

fn sizes(profile: &Profile, look: Look) -> Vec<String> {
    let mut rows: [Count; SIZES.len()] =
        SIZES.map(|(_, label)| (label.to_owned(), vec![], 0, Some(0)));
    for row in &profile.sizes {
        let class = SIZES.iter().position(|(to, _)| row.to <= *to).unwrap_or(SIZES.len() - 1);
        rows[class].2 = rows[class].2.saturating_add(row.entries);
        rows[class].3 = rows[class].3.map(|bytes| bytes.saturating_add(row.bytes));
    }
    let is_there = |row: &Count| row.2 > 0;
    let last = rows.iter().rposition(is_there).map_or(0, |last| last + 1);
    let first = rows.iter().position(is_there).unwrap_or(0);
    let table = Counted { title: "Size", head: "files", extra: &[], n_more: 0 };
    table.lines(rows[first..last].iter().cloned(), look)
}

fn depths(profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
    let rows = profile.depths.iter().take(n_shown).map(|row| {
        let label =
            if row.or_deeper { format!("{} or deeper", row.depth) } else { row.depth.to_string() };
        (label, vec![], row.entries, row.bytes)
    });
    let n_more = n_more(None, profile.depths.len(), n_shown);
    let table = Counted { title: "Depth", head: "entries", extra: &[], n_more };
    table.lines_of(rows, profile.totals.apparent_bytes.unwrap_or(0), look)
}

/// How old the files of owners are, and how large: for those who ask for owners.
fn of_owners(profile: &Profile, by: By, n_shown: usize, look: Look) -> Vec<String> {
    const AGES: [(Age, &str); 4] = [
        (Age::Month, "a month"),
        (Age::Year1, "a year"),
        (Age::Years3, "3 years"),
        (Age::Future, "older"),
    ];
    const BOUNDS: [(u64, &str); 4] =
        [(1 << 20, "< 1 MiB"), (1 << 30, "< 1 GiB"), (1 << 40, "< 1 TiB"), (u64::MAX, "more")];
    if !matches!(by, By::Owner) {
        return Vec::new();
    }
    let by_age = |uid| {
        let rows = profile.owner_ages.iter().filter(move |row| row.uid == uid);
        rows.map(|row| (AGES.iter().position(|(to, _)| row.age <= *to), row.bytes.unwrap_or(0)))
            .collect()
    };
    let by_size = |uid| {
        let rows = profile.owner_sizes.iter().filter(move |row| row.uid == uid);
        rows.map(|row| (BOUNDS.iter().position(|(to, _)| row.to <= *to), row.bytes)).collect()
    };
    let ages =
        Matrix { title: "Changed within", heads: AGES.map(|(_, head)| head), cells: &by_age };
    let sizes = Matrix { title: "Files of", heads: BOUNDS.map(|(_, head)| head), cells: &by_size };
    let known = [(ages, has_bytes_by_age(profile)), (sizes, !profile.sizes.is_empty())];
    let known = known.into_iter().filter(|(_, is_known)| *is_known);
    known.flat_map(|(matrix, _)| matrix.lines(profile, n_shown, look)).collect()
}

/// Bytes of owners in four classes.
struct Matrix<'a> {
    title: &'static str,
    heads: [&'static str; 4],
    /// The classes and bytes of an owner.
    cells: &'a dyn Fn(u32) -> Vec<(Option<usize>, u64)>,
}

impl Matrix<'_> {
    fn lines(&self, profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
        let rows = profile.owners.iter().take(n_shown).map(|owner| {
            let mut sums = [0_u64; 4];
            for (class, bytes) in (self.cells)(owner.uid) {
                let sum = &mut sums[class.unwrap_or(3)];
                *sum = sum.saturating_add(bytes);
            }
            let numbers = sums.map(words::bytes).to_vec();
            Row { label: named(owner.name.as_deref(), owner.uid), numbers, share: None }
        });
        let table = Table {
            title: self.title.to_owned(),
            heads: self.heads.to_vec(),
            rows: rows.collect(),
        };
        [vec![String::new()], table.lines(look)].concat()
    }
}

/// The largest and the oldest.
fn lists(profile: &Profile, n_shown: usize, look: Look) -> Vec<String> {
    let (bytes, entries) = (words::bytes, words::entries);
    let trees = profile
        .largest_trees
        .iter()
        .map(|row| (vec![bytes(row.bytes), entries(row.entries)], &row.path));
    let dirs = profile.largest_dirs.iter().map(|row| {
        let bytes = row.bytes.map(bytes).unwrap_or_default();
        (vec![entries(row.entries), bytes], &row.path)
    });
    let files = profile.largest_files.iter().map(|row| (vec![bytes(row.bytes)], &row.path));
    let old = profile.oldest_trees.iter().map(|row| (vec![bytes(row.bytes)], &row.path));
    let trees_title = match profile.trees_are_estimates {
        true => "Largest directories, with estimates of what is below them",
        false => "Largest directories, with all that is below them",
    };
    [
        list(trees_title, trees, n_shown, look),
        list("Directories with most entries", dirs, n_shown, look),
        list("Largest files", files, n_shown, look),
        list(
            "Largest directories in which nothing was read or changed for 2 years",
            old,
            n_shown,
            look,
        ),
    ]
    .concat()
}

fn list<'a>(
    title: &str,
    rows: impl Iterator<Item = (Vec<String>, &'a Text)>,
    n_shown: usize,
    look: Look,
) -> Vec<String> {
    let rows: Vec<_> = rows.take(n_shown).map(|(numbers, path)| (numbers, shown(path))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    [vec![String::new()], List { title: title.to_owned(), rows }.lines(look)].concat()
}

fn shown(text: &Text) -> String {
    one_line(&text.to_str())
}

/// What is empty, wasted, or makes trouble.
fn remarks(profile: &Profile, look: Look) -> Vec<String> {
    let known = [empty(&profile.empty), waste(&profile.waste)].into_iter().flatten();
    let mut lines: Vec<_> = known.flat_map(|line| look.sentence(&line)).collect();
    for row in profile.names.iter().filter(|row| row.entries > 0) {
        let names = words::counted(row.entries, "name", "names");
        lines.extend(look.sentence(&format!("{names} {}", trouble(row.trouble, row.entries == 1))));
        let examples = row.examples.iter().take(N_EXAMPLES);
        lines.extend(examples.map(|path| look.line(&format!("  {}", shown(path)))));
    }
    if lines.is_empty() { lines } else { [vec![String::new(), look.title("Also")], lines].concat() }
}

/// How much is empty, as far as known.
fn empty(empty: &Empty) -> Option<String> {
    let counts = [
        (empty.dirs, "empty directory", "empty directories"),
        (empty.files, "empty file", "empty files"),
    ];
    let known = counts.iter().filter_map(|(n, one, more)| Some(words::counted((*n)?, one, more)));
    let is_any = counts.iter().any(|(n, ..)| n.is_some_and(|n| n > 0));
    is_any.then(|| known.collect::<Vec<_>>().join(", "))
}

/// What small files waste, if that is known.
fn waste(waste: &Waste) -> Option<String> {
    let (files, bytes, allocated) = (waste.files?, waste.bytes?, waste.allocated_bytes?);
    if files == 0 || allocated <= bytes {
        return None;
    }
    let files = words::counted(files, "file", "files");
    let (below, bytes) = (words::bytes(Waste::BELOW), words::bytes(bytes));
    Some(format!("{files} below {below} with {bytes} take {} on disk", words::bytes(allocated)))
}

fn trouble(trouble: Trouble, is_one: bool) -> &'static str {
    match (trouble, is_one) {
        (Trouble::NotUtf8, true) => "is not valid UTF-8",
        (Trouble::NotUtf8, false) => "are not valid UTF-8",
        (Trouble::Control, _) => "with control characters",
        (Trouble::Long, _) => "of more than 255 bytes",
        (Trouble::PathMax, _) => "on paths of 4,096 bytes or more",
        (Trouble::Blanks, _) => "with a blank at the beginning or the end",
        (Trouble::Case, true) => "equal to another one but for upper and lower case",
        (Trouble::Case, false) => "equal to others but for upper and lower case",
    }
}
