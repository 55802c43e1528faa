//! What a repair prints at its end.

use super::Done;
use crate::message::one_line;
use crate::words;
use pwalk::repair::{Applied, Planned, ShareOf};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Users and groups that are listed.
const N_SHARES: usize = 10;

/// What is said of entries that are left, by the words of the summary.
const LEFT: [(&str, &str); 17] = [
    ("unseen", "could not be seen"),
    ("no_group", "without a directory above that has a group for them (--group gives one)"),
    ("setuid", "files with setuid or setgid"),
    ("capabilities", "files with capabilities, which a change of the group would remove"),
    ("device", "device nodes"),
    ("acl", "with an access control list (--acl adjusts it)"),
    ("other_acl", "with an access control list of a kind that can't be adjusted"),
    ("hard_links", "with hard links outside of the path (--hard-links changes them)"),
    ("too_many_links", "with hard links, of which there are too many to keep track of"),
    ("immutable", "immutable"),
    ("append_only", "append-only"),
    ("changed_since", "changed since"),
    ("vanished", "vanished since"),
    ("protected", "part of the system"),
    ("loses_setgid", "would lose setgid, because you are not in their group"),
    ("failed", "could not be changed"),
    ("not_taken", "did not change, though the system reported no error"),
];

/// The summary for people.
pub(super) fn of(done: &Done, plan: Option<&Path>, is_undo: bool) -> String {
    let mut lines = Vec::new();
    if let Some(planned) = &done.planned {
        of_plan(planned, &mut lines);
    }
    if let Some(path) = plan {
        lines.push(one_line(&format!("plan: {}", path.display())));
    }
    match (&done.applied, &done.planned) {
        (Some(applied), _) => of_changes(applied, is_undo, &mut lines),
        (None, Some(planned)) if planned.changes > 0 => {
            lines.push("dry run: nothing was changed; --apply makes these changes".to_owned());
        }
        _ => {}
    }
    lines.join("\n")
}

/// What a signal has left.
pub(super) fn interrupted(applied: Option<&Applied>) -> String {
    match applied.and_then(|applied| applied.journal.as_ref()) {
        Some(journal) => format!("interrupted: what was changed is in the journal {journal}"),
        None => "interrupted: nothing was changed".to_owned(),
    }
}

/// The summary for programs.
pub(super) fn json(done: &Done) -> String {
    let part = |json: Option<String>| json.unwrap_or_else(|| "null".to_owned());
    let planned = part(done.planned.as_ref().map(Planned::to_json));
    let applied = part(done.applied.as_ref().map(Applied::to_json));
    format!("{{\"plan\":{planned},\"applied\":{applied}}}")
}

fn of_plan(planned: &Planned, lines: &mut Vec<String>) {
    let Planned {
        path, entries, changes: n_changes, reasons, owners, groups, examples, left, ..
    } = planned;
    let (entries, n_changes) = (words::entries(*entries), words::changes(*n_changes));
    lines.push(one_line(&format!("{path}: {entries}, {n_changes}")));
    let said = |word: &str| match word {
        "setgid" => "directories without setgid",
        "group" => "a group that is private, root's, or listed",
        "read" => "the group can't read or search",
        "write" => "the group can't write",
        _ => "the group can't execute",
    };
    for (word, n) in reasons {
        lines.push(format!("  {:>12}  {}", words::count(*n), said(word)));
    }
    shares("by owner", owners, lines);
    shares("by group", groups, lines);
    if !examples.is_empty() {
        lines.push("for example".to_owned());
    }
    for example in examples {
        let path = one_line(&example.path);
        let modes = format!("{} -> {}", example.old_mode, example.new_mode);
        let gids = match example.old_gid == example.new_gid {
            true => String::new(),
            false => format!("  {} -> {}", group(example.old_gid), group(example.new_gid)),
        };
        lines.push(format!("  {modes}{gids}  {path}"));
    }
    of_left(left, lines);
}

fn shares(title: &str, shares: &[ShareOf], lines: &mut Vec<String>) {
    if shares.is_empty() {
        return;
    }
    lines.push(title.to_owned());
    for ShareOf { id, name, changes } in shares.iter().take(N_SHARES) {
        let name = name.clone().unwrap_or_else(|| id.to_string());
        lines.push(format!("  {:>12}  {}", words::count(*changes), one_line(&name)));
    }
    if shares.len() > N_SHARES {
        lines.push(format!("  {:>12}  more", shares.len() - N_SHARES));
    }
}

fn group(gid: u32) -> String {
    one_line(&pwalk::group_name(gid).unwrap_or_else(|| gid.to_string()))
}

fn of_left(left: &BTreeMap<&'static str, u64>, lines: &mut Vec<String>) {
    if left.is_empty() {
        return;
    }
    lines.push("left as they are".to_owned());
    for (word, n) in left {
        let said = LEFT.iter().find(|(known, _)| known == word).map_or(*word, |(_, said)| said);
        lines.push(format!("  {:>12}  {said}", words::count(*n)));
    }
}

/// As a shell takes it for one word.
fn for_shell(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    match word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")).into(),
    }
}

fn of_changes(applied: &Applied, is_undo: bool, lines: &mut Vec<String>) {
    let verb = if is_undo { "restored" } else { "changed" };
    let mut line = format!("{verb}: {}", words::entries(applied.changed));
    if applied.unchanged > 0 {
        line.push_str(&format!(", {} were so already", words::count(applied.unchanged)));
    }
    let is_nothing = applied.changes == 0 && !is_undo;
    lines.push(if is_nothing { "nothing to change".to_owned() } else { line });
    of_left(&applied.left, lines);
    lines.extend(of_journal(applied));
}

/// Where the journal is, and what it is good for.
pub(super) fn of_journal(applied: &Applied) -> Option<String> {
    let journal = applied.journal.as_ref()?;
    let undo = format!("pwalk repair --undo {}", one_line(&for_shell(journal)));
    Some(format!("journal: {}; to take it back: {undo}", one_line(journal)))
}
