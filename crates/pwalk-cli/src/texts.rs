//! What help and man pages say beyond the list of arguments: examples, notes, exit statuses.
//!
//! Owns the texts, and what becomes of them in help; the pages are made in
//! `crates/pwalk-cli/src/generate.rs`. Examples fit into 80 columns, since a terminal's width must
//! not break them; everything else is one line per paragraph, which help wraps where it is shown.

use pwalk::{COLUMNS, CONDITION_FIELDS};

/// The texts of one command.
pub(crate) struct Texts {
    /// The command; empty for all of them.
    pub(crate) command: &'static str,
    /// The name of its man page.
    pub(crate) page: &'static str,
    /// One line each, without the indent.
    pub(crate) examples: &'static [&'static str],
    /// Paragraphs.
    pub(crate) notes: &'static [&'static str],
    /// Exit statuses and their meanings.
    pub(crate) statuses: &'static [(&'static str, &'static str)],
}

const INTERRUPTED: (&str, &str) =
    ("130", "interrupted by Ctrl-C; other signals: 128 and their number");

pub(crate) const TEXTS: [Texts; 9] = [
    Texts {
        command: "",
        page: "pwalk",
        examples: &[
            "pwalk report /data -o data.csv.zst         metadata of every inode in /data",
            "pwalk walk /data --type f -0 | sort -z     the path of every file, sorted",
            "pwalk profile /data                        what is in there, and what fills it",
            "pwalk info /data                           the filesystem and how it is walked",
        ],
        notes: &[
            "pwalk COMMAND --help has examples; pwalk man --help says how to install man pages.",
        ],
        statuses: &[
            ("0", "complete"),
            ("1", "finished with errors"),
            ("2", "could not run"),
            INTERRUPTED,
        ],
    },
    Texts {
        command: "report",
        page: "pwalk-report",
        examples: &[
            "pwalk report /data                             to scan.csv.zst",
            "pwalk report /home /scratch -x -o disk.csv.gz  two trees, one filesystem each",
            "pwalk report /data -o data.parquet --columns +user,+target",
            "pwalk report /data -o data.parquet --columns +tree   # totals of subtrees",
            "pwalk report /data -o data/ --format parquet   a folder of parts",
            "pwalk report /data --exclude '*.tmp' --exclude 'cache/**' -o -",
            "pwalk report /data --where 'size >= 1G and atime < -2y' -o old.parquet",
            "pwalk report /data --errors errors.ndjson --summary summary.json",
            "duckdb -c \"SELECT UID, sum(st_size) FROM 'scan.csv.zst' GROUP BY UID\"",
        ],
        notes: &[
            "The CSV has the 17 columns of the C pwalk, in the same order. Names that are not valid UTF-8 are written with replacement characters, so that every reader accepts the file; --errors lists their exact bytes.",
            "A folder of parts suits billions of rows: --part-rows and --part-bytes limit each part.",
        ],
        statuses: &[
            ("0", "complete, or just the reader of standard output left"),
            ("1", "finished with errors: the report is written, and says what it lacks"),
            ("2", "could not run: nothing is written"),
            INTERRUPTED,
            ("141", "standard output was closed early, so --summary or --errors is not written"),
        ],
    },
    Texts {
        command: "walk",
        page: "pwalk-walk",
        examples: &[
            "pwalk walk /data                         every path, in no particular order",
            "pwalk walk /data --type d --max-depth 2  directories, two levels deep",
            "pwalk walk /data --type f -0 | xargs -0 md5sum    names may contain newlines",
            "pwalk walk /data --type f --exclude '*' --exclude '!*/' --exclude '!*.nc'",
            "                                         only files whose names end in .nc",
            "pwalk walk /data --where \"name ~ '*.nc' and (size > 1G or user = anna)\"",
            "pwalk walk /home --where 'kind = file and mode any 022'  others may write",
        ],
        notes: &[],
        statuses: &[
            ("0", "complete, or the reader of standard output left"),
            ("1", "finished with errors"),
            ("2", "could not run"),
            INTERRUPTED,
        ],
    },
    Texts {
        command: "profile",
        page: "pwalk-profile",
        examples: &[
            "pwalk profile /data                     tables of all that is counted",
            "pwalk profile /data --by owner          who uses how much, and how old it is",
            "pwalk profile scan.csv.zst --top 30     from a saved scan of any format",
            "pwalk profile /data --html data.html    a page with a map to look through",
            "pwalk profile scan.parquet --json | jq '.largest_trees[].path'",
        ],
        notes: &[
            "A path is read as a saved scan if it is a file with the suffix of a table (.csv, .parquet and so on, also .csv.zst), or a folder of parts; everything else is walked. --from FORMAT reads any file as a scan. A scan that has the columns of --columns +tree needs no sums of its own; without them, totals of directories are estimates if there are more than 262,144.",
            "Sizes are apparent sizes unless the text says otherwise; each hard link counts. In a pipe the tables are 80 columns wide, paths are not cut, and there are no colors; NO_COLOR=1 turns them off on a terminal.",
        ],
        statuses: &[
            ("0", "complete, or the reader of standard output left"),
            ("1", "something could not be seen; the profile says what"),
            ("2", "could not run: nothing is written"),
            INTERRUPTED,
        ],
    },
    Texts {
        command: "repair",
        page: "pwalk-repair",
        examples: &[
            "pwalk repair /data/lab                        what would be changed, and why",
            "pwalk repair /data/lab --plan plan.parquet    the same as a table to look at",
            "pwalk repair --apply --from plan.parquet      makes the changes of that table",
            "pwalk repair /data/lab --apply                plans and applies in one go",
            "pwalk repair --undo repair-20261122-140000.journal",
            "pwalk repair /data/lab --group lab --change-gids users,100 --group-writable",
        ],
        notes: &[
            "Directories get setgid. A group that is private (its number is that of the owner), root's or listed in --change-gids becomes that of the nearest directory above whose group is none of these, if need be above PATH. The group may read files, read and search directories, and execute what the owner may. Nothing else is changed: no permission is taken away, symbolic links are never followed or changed, and what is right is not touched.",
            "Skipped, and named: files with setuid or setgid, with capabilities, with an access control list (but see --acl) or with links elsewhere (but see --hard-links), device nodes, what is immutable, and what has changed since the plan was made. The system's own folders are refused.",
        ],
        statuses: &[
            ("0", "complete: everything is right, or would be once the plan is applied"),
            ("1", "some entries are left as they are, or could not be seen; they are named"),
            ("2", "could not run, or not to the end: the journal says what was changed"),
            ("130", "interrupted: the journal says what was changed (signal N: 128 + N)"),
        ],
    },
    Texts {
        command: "convert",
        page: "pwalk-convert",
        examples: &[
            "pwalk convert scan.csv.zst scan.parquet   also reads CSV files of the C pwalk",
            "pwalk convert scan.parquet scan.csv.gz",
            "pwalk convert scan.csv scan/ --format parquet   to a folder of parts",
            "pwalk convert scan/ scan.arrow --columns filename,st_size",
            "pwalk convert scan.parquet old.csv --where 'size > 1G and atime < -2y'",
        ],
        notes: &[],
        statuses: &[
            ("0", "complete, or the reader of standard output left"),
            ("2", "could not run: nothing is written"),
            INTERRUPTED,
        ],
    },
    Texts {
        command: "info",
        page: "pwalk-info",
        examples: &[
            "pwalk info /data              the filesystem, and how it would be walked",
            "pwalk info /data --probe 10   measures how many requests at once pay off",
            "pwalk info /data --json",
        ],
        notes: &[
            "--probe reads the tree below PATH and stays on its filesystem. It writes nothing and mounts nothing. Each number of requests at once continues where the previous one stopped, so that caches answer as little as possible. If the whole tree has been read before the time is up, it is read again, which is marked with *.",
        ],
        statuses: &[
            ("0", "complete"),
            ("1", "a request of --probe was not answered in time"),
            ("2", "could not run"),
            INTERRUPTED,
        ],
    },
    Texts {
        command: "completions",
        page: "pwalk-completions",
        examples: &[
            "pwalk completions bash > ~/.local/share/bash-completion/completions/pwalk",
            "pwalk completions zsh > \"${fpath[1]}/_pwalk\"",
            "pwalk completions fish > ~/.config/fish/completions/pwalk.fish",
        ],
        notes: &["Each takes effect in the next shell. The folder must exist."],
        statuses: &[("0", "complete"), ("2", "could not run")],
    },
    Texts {
        command: "man",
        page: "pwalk-man",
        examples: &[
            "pwalk man report | man -l -          shows a page",
            "mkdir -p ~/.local/share/man/man1     installs them for man(1):",
            "pwalk man > ~/.local/share/man/man1/pwalk.1",
            "for c in report walk profile repair convert info completions man; do",
            "  pwalk man $c > ~/.local/share/man/man1/pwalk-$c.1; done",
        ],
        notes: &[],
        statuses: &[("0", "complete"), ("2", "could not run")],
    },
];

/// The texts of a command; of all of them, if there is none of the name.
pub(crate) fn texts(command: &str) -> &'static Texts {
    TEXTS.iter().find(|texts| texts.command == command).unwrap_or(&TEXTS[0])
}

/// What stands below the arguments in help.
pub fn after_help(command: &str) -> String {
    let Texts { examples, notes, statuses, .. } = texts(command);
    let examples: String = examples.iter().map(|line| format!("\n  {line}")).collect();
    let notes: String = notes.iter().map(|text| format!("\n\n{text}")).collect();
    let status = |(number, meaning): &(&str, &str)| format!("\n  {number:<3}  {meaning}");
    let statuses: String = statuses.iter().map(status).collect();
    format!("Examples:{examples}{notes}\n\nExit status:{statuses}")
}

/// What stands above the list of columns.
pub(crate) const COLUMNS_INTRODUCTION: &str = "The columns, comma-separated, or +NAME,-NAME to change the default, which is everything up to filename_bytes; tree stands for all columns that begin with tree_. A CSV always has the first 17.";

/// What a condition means, where rows are written.
pub(crate) const DELIVERED_WHERE: &str = "Deliver only entries that fulfil a condition. All directories are entered all the same, and count everything that is in them.";

/// What stands above the list of fields.
const WHERE_INTRODUCTION: &str = "Tests are joined by and, or, not and parentheses: \"(size > 1G or not user = root) and kind = file\". Operators: = != < <= > >= in; ~ a glob, =~ a regular expression (!~ and !=~ the opposite, ~i and =~i ignoring case); for mode, has all bits and any of them. Sizes have units of 1024: 10M. Times are ages (-90d; s, min, h, d, w, mo, y) or dates (2024-01-31, 2024-01-31T12:00+01:00; UTC without an offset). Values with blanks or special characters stand in single quotes, or in double quotes with the escapes of C.";

/// What a condition means, and every field with its meaning, from the table of fields.
pub(crate) fn where_help(meaning: &str) -> String {
    let lines: Vec<_> =
        CONDITION_FIELDS.iter().map(|field| hanging(field.name, field.doc)).collect();
    let empty = hanging("empty", "alone: a file of 0 bytes, a directory without entries");
    format!("{meaning}\n\n{WHERE_INTRODUCTION}\n\n{}\n{empty}", lines.join("\n"))
}

/// Where the meaning of a column begins.
const NAME_WIDTH: usize = 16;

/// Columns that a man page on a terminal of 80 has left for this text; help has more.
const WIDTH: usize = 61;

/// Every column and its meaning, from the table of columns.
pub(crate) fn columns_help() -> String {
    let lines: Vec<_> = COLUMNS.iter().map(|column| hanging(column.name, column.doc)).collect();
    format!("{COLUMNS_INTRODUCTION}\n\n{}", lines.join("\n"))
}

/// A name, and beside it a text in as many lines as it needs.
fn hanging(name: &str, text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the start");
        if !line.is_empty() && line.len() + word.len() >= WIDTH - NAME_WIDTH {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    format!("  {name:<NAME_WIDTH$} {}", lines.join(&format!("\n{:1$}", "", NAME_WIDTH + 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_fit_into_80_columns() {
        for texts in &TEXTS {
            for line in texts.examples {
                assert!(line.chars().count() <= 78, "{}: {line}", texts.command);
            }
            for (_, meaning) in texts.statuses {
                assert!(meaning.chars().count() <= 73, "{}: {meaning}", texts.command);
            }
        }
        for line in columns_help().lines().skip(1) {
            assert!(line.chars().count() <= 64, "{line}");
        }
    }

    #[test]
    fn every_command_has_its_texts() {
        for command in crate::args::command().get_subcommands() {
            assert_eq!(texts(command.get_name()).command, command.get_name());
        }
    }
}
