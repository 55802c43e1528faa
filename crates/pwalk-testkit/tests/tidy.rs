//! What style.md asks of the repository itself: rules that no test enforces are wishes.
//!
//! Reads files only. Documents that repeat a table of the code are compared with it here;
//! `PWALK_BLESS=1` writes them anew.

// Clippy takes only functions marked `#[test]` for tests.
#![allow(clippy::unwrap_used)]

use pwalk_engine::{
    CONDITION_FIELDS, Condition, ConditionField, EntryError, Errno, FsKind, Lookup, Operation,
    Outcome, TUNINGS,
};
use pwalk_output::{COLUMNS, Columns, ErrorList, OutputFile, Preamble, Presence, Summary};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of a file, its tests left out.
const FILE_LEN_MAX: usize = 500;

/// Which crates of the workspace a crate may depend on; what is missing here may on none.
const DIRECTION: &[(&str, &[&str])] = &[
    ("pwalk-sys", &[]),
    ("pwalk-engine", &["pwalk-sys"]),
    ("pwalk-output", &["pwalk-sys", "pwalk-engine"]),
    ("pwalk", &["pwalk-sys", "pwalk-engine", "pwalk-output"]),
    ("pwalk-cli", &["pwalk"]),
    ("pwalk-python", &["pwalk", "pwalk-cli"]),
    ("pwalk-testkit", &["pwalk-sys", "pwalk-engine"]),
    ("pwalk-bench", &[]),
    ("pwalk-slowfs", &[]),
];

/// Dependencies that give away what a crate knows, and the crates that know it.
const OWNERS: &[(&str, &[&str])] = &[
    ("clap", &["pwalk-cli"]),
    ("clap_complete", &["pwalk-cli"]),
    ("clap_mangen", &["pwalk-cli"]),
    ("unicode-width", &["pwalk-cli"]),
    ("signal-hook", &["pwalk-cli"]),
    ("zstd", &["pwalk-output"]),
    ("flate2", &["pwalk-output"]),
    ("libc", &["pwalk-bench", "pwalk-sys"]),
    ("memmap2", &["pwalk-sys"]),
    ("io-uring", &["pwalk-sys"]),
    ("pyo3", &["pwalk-python"]),
];

const EMPTY_NAMES: [&str; 5] = ["utils", "common", "helpers", "misc", "types"];

/// Hazards after T34: some numbers were never given.
const LATER_HAZARDS: [u32; 7] = [36, 37, 41, 42, 43, 44, 54];

// ---- reading the repository ----

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Paths below the root of all files that end in `suffix`, what git ignores left out.
fn files(suffix: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = top_folders().iter().map(|name| root().join(name)).collect();
    waiting.extend(entries(&root()).into_iter().filter(|path| path.is_file()));
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(entries(&path).into_iter().filter(|path| !is_ignored(path)));
        } else if path.to_string_lossy().ends_with(suffix) {
            found.push(below_root(&path));
        }
    }
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Of the hidden ones, `.ci` alone is the project's.
fn top_folders() -> Vec<String> {
    let is_folder = |path: &PathBuf| path.is_dir() && !is_ignored(path);
    let names = entries(&root()).into_iter().filter(is_folder).map(|path| below_root(&path));
    names.filter(|name| name == ".ci" || !name.starts_with('.')).collect()
}

/// True for what stands in .gitignore, and for what Python leaves behind.
fn is_ignored(path: &Path) -> bool {
    let name = format!("/{}", below_root(path));
    let ignored = read(".gitignore");
    name.ends_with("/__pycache__") || ignored.lines().any(|line| line == name)
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all that was found, not with the first.
#[track_caller]
fn expect_none(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

// ---- source files ----

/// The part of a source file that is no test.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/")
}

#[test]
fn every_source_file_says_what_it_owns() {
    let is_silent = |path: &String| !read(path).starts_with("//! ");
    expect_none("a file opens with `//!`", files(".rs").into_iter().filter(is_silent).collect());
}

#[test]
fn files_stay_short() {
    let paths = files(".rs").into_iter().filter(|path| !is_test(path));
    let lengths = paths.map(|path| (without_tests(&read(&path)).count(), path));
    let long = lengths.filter(|(len, _)| *len > FILE_LEN_MAX);
    let lines = long.map(|(len, path)| format!("{path}: {len}")).collect();
    expect_none("at most 500 lines without tests", lines);
}

#[test]
fn unsafe_stays_where_the_kernel_is_called() {
    let may = |path: &String| path.starts_with("crates/pwalk-sys/") || path.starts_with("bench/");
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let is_unsafe = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let has_unsafe = |path: &String| {
        // This file has the word as text.
        !path.ends_with("tests/tidy.rs") && read(path).lines().filter(is_code).any(is_unsafe)
    };
    let paths = files(".rs").into_iter().filter(|path| !may(path) && has_unsafe(path));
    expect_none("unsafe only in pwalk-sys", paths.collect());
}

#[test]
fn every_other_crate_forbids_unsafe() {
    let roots = files(".rs").into_iter().filter(|path| path.ends_with("/src/lib.rs"));
    let is_open = |path: &String| {
        !path.starts_with("crates/pwalk-sys/") && !read(path).contains("#![forbid(unsafe_code)]")
    };
    expect_none("#![forbid(unsafe_code)] in every crate", roots.filter(is_open).collect());
}

#[test]
fn crate_roots_hold_only_docs_modules_and_exports() {
    let mut violations = Vec::new();
    for path in files(".rs").into_iter().filter(|path| path.ends_with("/src/lib.rs")) {
        let is_cli = path == "crates/pwalk-cli/src/lib.rs";
        let text = read(&path);
        let mut items = items(&text);
        items.retain(|item| {
            let words = ["mod ", "pub mod ", "pub use ", "#!["];
            let is_plain = words.iter().any(|start| item.starts_with(start));
            let is_run = item.starts_with("pub fn run(") || item.starts_with("use ");
            !(is_plain || is_cli && is_run)
        });
        violations.extend(items.iter().map(|item| format!("{path}: {item}")));
    }
    expect_none("a lib.rs holds docs, `mod` and `pub use`", violations);
}

/// The first line of each item: what starts at the margin and closes nothing.
fn items(text: &str) -> Vec<&str> {
    let is_item = |line: &&str| {
        let is_margin = !line.starts_with([' ', '}', ')', ']']);
        is_margin && !line.is_empty() && !line.starts_with("//") && !line.starts_with("#[")
    };
    text.lines().filter(is_item).collect()
}

#[test]
fn names_say_something() {
    let is_empty_name = |path: &String| {
        let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
        path.split('/').any(|part| EMPTY_NAMES.contains(&stem(part).as_str()))
    };
    let mut violations: Vec<_> = [files(".rs"), files(".py")].concat();
    violations.retain(is_empty_name);
    for path in files(".rs") {
        let text = read(&path);
        let modules = text.lines().filter_map(|line| line.trim().split_once("mod "));
        let names = modules.map(|(_, rest)| rest.trim_end_matches([';', ' ', '{']));
        let empty = names.filter(|name| EMPTY_NAMES.contains(name));
        violations.extend(empty.map(|name| format!("{path}: mod {name}")));
    }
    expect_none("utils, common, helpers, misc and types are not names", violations);
}

// ---- crates ----

/// Names in the section `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let sections = manifest.split("\n[").filter_map(|section| {
        let (head, body) = section.split_once(']')?;
        (head == "dependencies" || head == "build-dependencies").then_some(body)
    });
    let keys = sections.flat_map(str::lines).filter_map(|line| {
        let end = line.find(['.', '=', ' '])?;
        (!line.starts_with('#')).then(|| line[..end].to_owned())
    });
    keys.collect()
}

fn crates() -> Vec<(String, Vec<String>)> {
    let is_crate = |path: &String| path.starts_with("crates/") || path.starts_with("bench/");
    let manifests = files("Cargo.toml").into_iter().filter(is_crate).map(|path| read(&path));
    let name_of = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap();
        line.trim_end_matches('"').to_owned()
    };
    manifests.map(|text| (name_of(&text), dependencies(&text))).collect()
}

#[test]
fn dependencies_go_one_way() {
    let mut violations = Vec::new();
    for (name, dependencies) in crates() {
        let allowed = DIRECTION.iter().find(|(known, _)| *known == name).map(|(_, to)| *to);
        let Some(allowed) = allowed else {
            violations.push(format!("{name}: has no row in DIRECTION"));
            continue;
        };
        let ours = dependencies.iter().filter(|to| *to == "pwalk" || to.starts_with("pwalk-"));
        let wrong = ours.filter(|to| !allowed.contains(&to.as_str()));
        violations.extend(wrong.map(|to| format!("{name} depends on {to}")));
    }
    expect_none("sys <- engine <- output <- pwalk <- cli", violations);
}

#[test]
fn crates_know_only_what_is_theirs() {
    let crates = crates();
    let mut violations = Vec::new();
    for (dependency, owners) in OWNERS {
        let has_it = |to: &&(String, Vec<String>)| to.1.iter().any(|name| name == dependency);
        let users: Vec<_> = crates.iter().filter(has_it).map(|(name, _)| name.as_str()).collect();
        if users != *owners {
            violations.push(format!("{dependency} is used by {users:?}, not by {owners:?}"));
        }
    }
    expect_none("a dependency in the wrong crate", violations);
}

// ---- documents ----

fn documents() -> Vec<String> {
    let mut paths = files(".md");
    paths.retain(|path| !path.contains('/') || path.starts_with("docs/"));
    paths
}

/// Targets of links, and words in backticks.
fn quoted(text: &str) -> (Vec<&str>, Vec<&str>) {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let links = links.map(|(target, _)| target.split('#').next().unwrap_or_default());
    let code = text.lines().filter(|line| !line.starts_with("    "));
    let words = code.flat_map(|line| line.split('`').skip(1).step_by(2));
    (links.filter(|target| !target.is_empty()).collect(), words.collect())
}

/// A word in backticks that names a file or a folder of this repository.
fn is_path(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let top = word.split('/').next().unwrap_or_default();
    let is_below = word.contains('/') && top_folders().iter().any(|folder| folder == top);
    let has_suffix = [".rs", ".toml", ".md"].iter().any(|suffix| word.ends_with(suffix));
    let is_file = has_suffix && !word.starts_with('.');
    word.chars().all(is_plain) && (is_below || is_file)
}

#[test]
fn paths_in_documents_exist() {
    let mut violations = Vec::new();
    let outside_fences = |text: &str| text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    for document in documents() {
        let text = outside_fences(&read(&document));
        let folder = root().join(&document).parent().unwrap().to_owned();
        let (links, words) = quoted(&text);
        let is_local = |target: &&str| !target.contains("://");
        let links =
            links.into_iter().filter(is_local).filter(|target| !folder.join(target).exists());
        let paths = words.into_iter().filter(|word| is_path(word));
        let missing = links.chain(paths.filter(|word| !root().join(word).exists()));
        violations.extend(missing.map(|target| format!("{document}: {target}")));
    }
    expect_none("named, but not there", violations);
}

#[test]
fn the_map_names_every_crate_and_folder() {
    let map = read("ARCHITECTURE.md");
    let crates = entries(&root().join("crates")).into_iter().map(|path| below_root(&path));
    let missing = crates.chain(top_folders()).filter(|name| {
        ![format!("`{name}`"), format!("`{name}/")].iter().any(|text| map.contains(text))
    });
    expect_none("missing in ARCHITECTURE.md", missing.collect());
}

#[test]
fn every_hazard_has_its_line() {
    let text = read("docs/hazards.md");
    let numbers = (1..=34).chain(LATER_HAZARDS);
    let missing = numbers.filter(|number| !text.contains(&format!("| T{number} |")));
    expect_none("missing in docs/hazards.md", missing.map(|number| format!("T{number}")).collect());
}

#[test]
fn tests_named_for_hazards_exist() {
    let text = read("docs/hazards.md");
    let sources: String =
        [files(".rs"), files(".py")].concat().iter().map(|path| read(path)).collect();
    let is_test_name = |word: &&str| {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        word.matches('_').count() > 1 && word.chars().all(is_name)
    };
    let (_, words) = quoted(&text);
    let names: BTreeSet<_> = words.into_iter().filter(is_test_name).collect();
    let is_missing =
        |name: &&str| !["fn", "def"].iter().any(|key| sources.contains(&format!("{key} {name}(")));
    let missing = names.into_iter().filter(is_missing).map(str::to_owned);
    expect_none("docs/hazards.md names tests that are not there", missing.collect());
}

// ---- documents that repeat a table of the code ----

/// Compares what stands between the markers of `name` with `text`, or writes it there.
#[track_caller]
fn check_generated(path: &str, name: &str, text: &str) {
    let (start, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
    let document = read(path);
    let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("{path}: {start}"));
    let (found, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path}: {end}"));
    let expected = format!("\n{text}\n");
    if std::env::var_os("PWALK_BLESS").is_some() && found != expected {
        fs::write(root().join(path), [before, &start, &expected, &end, after].concat()).unwrap();
        return;
    }
    assert_eq!(found, expected, "{path} is out of date: PWALK_BLESS=1 writes it anew");
}

#[test]
fn the_columns_documents_are_up_to_date() {
    let mut text = "| # | column | in the CSV | meaning |\n|---|---|---|---|\n".to_owned();
    for (index, column) in Columns::pwalk().iter().enumerate() {
        let form = if column.is_quoted_in_csv() { "quoted" } else { "number" };
        text += &format!("| {} | `{}` | {form} | {} |\n", index + 1, column.name, column.doc);
    }
    check_generated("docs/formats/csv.md", "columns", &text);
    let mut text =
        "| column | type | null | present | meaning |\n|---|---|---|---|---|\n".to_owned();
    for column in COLUMNS {
        let present = match column.presence {
            Presence::Extra => "on request",
            Presence::Pwalk | Presence::Default => "by default",
        };
        let null = if column.is_nullable { "may be" } else { "" };
        let (name, kind, doc) = (column.name, column.type_name(), column.doc);
        text += &format!("| `{name}` | {kind} | {null} | {present} | {doc} |\n");
    }
    check_generated("docs/formats/columnar.md", "columns", &text);
}

#[test]
fn the_tuning_document_is_up_to_date() {
    let mut text =
        "| filesystem | magic | mount types | workers per core | at least | at most | slice \
                    | buffer | batch | attributes | O_NOATIME | why |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    TUNINGS.iter().for_each(|kind| text += &tuning_row(kind));
    check_generated("docs/tuning.md", "tunings", &text);
}

fn tuning_row(kind: &FsKind) -> String {
    let FsKind { name, magics, mount_types, served_by: _, tuning, reason } = kind;
    let magics: Vec<_> = magics.iter().map(|magic| format!("`0x{magic:x}`")).collect();
    let types: Vec<_> = mount_types.iter().map(|name| format!("`{name}`")).collect();
    let attributes = if tuning.asking.takes_cached { "cached" } else { "as stat(2)" };
    let quiet = if tuning.asking.opens_quietly { "yes" } else { "no" };
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} entries | {} KiB | {} rows | {attributes} | {quiet} \
         | {reason} |\n",
        magics.join(", "),
        types.join(", "),
        tuning.workers_per_core,
        tuning.workers_min,
        tuning.workers_max,
        tuning.slice_len,
        tuning.buffer_bytes >> 10,
        tuning.batch_len,
    )
}

#[test]
fn the_fields_of_conditions_are_documented() {
    let mut text = "| field | also called | what it is |\n|---|---|---|\n".to_owned();
    for ConditionField { name, aliases, doc, .. } in CONDITION_FIELDS {
        let aliases: Vec<_> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        text += &format!("| `{name}` | {} | {doc} |\n", aliases.join(", "));
    }
    check_generated("docs/filters.md", "fields", &text);
}

/// In the tables for people who know other tools.
#[test]
fn every_condition_of_the_documentation_is_one() {
    let text = read("docs/filters.md");
    let (_, tables) = text.split_once("\n## Coming from find\n").unwrap();
    let cells = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").nth(1));
    let is_condition = |word: &&str| !word.starts_with("--") && !word.contains('A');
    let conditions: Vec<_> = cells.flat_map(|cell| quoted(cell).1).filter(is_condition).collect();
    assert!(conditions.len() > 40, "{}", conditions.len());
    let known = |_: &str| Ok(Some(1000));
    let lookup = Lookup { now: 1_700_000_000, user: known, group: known };
    let is_none = |text: &&str| Condition::with(text, &lookup).is_err();
    let wrong = conditions.into_iter().filter(is_none).map(str::to_owned).collect();
    expect_none("a condition that pwalk understands", wrong);
}

/// Keys in the first column of the table under a heading.
fn keys_under(heading: &str) -> BTreeSet<String> {
    let text = read("docs/formats/csv.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next().map(str::to_owned)).collect()
}

#[test]
fn the_keys_of_the_summary_are_documented() {
    let summary = Summary::new(&Preamble::default(), Duration::ZERO, &Outcome::default(), 0);
    let value: serde_json::Value = serde_json::from_str(&summary.to_json()).unwrap();
    let mut keys = BTreeSet::new();
    for (key, value) in value.as_object().unwrap() {
        match value.as_object().filter(|inner| !inner.is_empty()) {
            Some(inner) => keys.extend(inner.keys().map(|name| format!("{key}.{name}"))),
            None => drop(keys.insert(key.clone())),
        }
    }
    assert_eq!(keys_under("The summary"), keys);
}

#[test]
fn the_keys_of_the_error_list_are_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("errors.ndjson");
    let mut list = ErrorList::new(OutputFile::create(&path).unwrap());
    let (operation, errno) = (Operation::Open, Errno::ACCESS);
    list.append(&[EntryError { operation, path: b"\xff".to_vec(), depth: 0, errno }]).unwrap();
    list.finish().unwrap();
    let line = fs::read_to_string(path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys: BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys_under("The error list"), keys);
}
