//! What is wrong with the arguments, in one line: what was typed, why it is refused, and what may
//! have been meant.
//!
//! The parser's own text spreads over several lines and uses words of Rust's library, so it is
//! used only where nothing here is better.

use crate::args::command;
use crate::exit::Exit;
use crate::message;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::ffi::OsString;

/// Prints help where it was asked for, else what is wrong with the arguments as one line.
pub(crate) fn tell(error: &Error, typed: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render().to_string();
            match message::print(text.trim_end_matches('\n')) {
                Ok(()) => Exit::Complete,
                Err(error) => Exit::of_error(&error),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Unable
        }
        _ => {
            message::say(line(error, typed));
            Exit::Unable
        }
    }
}

/// Options of find and of the C pwalk, and what they are called here.
const ELSEWHERE: [(&str, &str); 7] = [
    ("--depth", "--max-depth"),
    ("-depth", "--max-depth"),
    ("-maxdepth", "--max-depth"),
    ("-print0", "-0"),
    ("-type", "--type"),
    ("-xdev", "-x"),
    ("-mount", "-x"),
];

/// The first option that belongs to another tool. The parser takes those with one dash for several
/// letters, and a letter that follows for the value of the first.
fn from_elsewhere(typed: &[OsString]) -> Option<(&'static str, &'static str)> {
    typed.iter().find_map(|typed| ELSEWHERE.into_iter().find(|(name, _)| typed == name))
}

fn line(error: &Error, typed: &[OsString]) -> String {
    let is_of_option =
        matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::ValueValidation);
    if let Some((name, meant)) = from_elsewhere(typed).filter(|_| is_of_option) {
        return format!(
            "no such option '{name}' (did you mean '{meant}'?); see {}",
            help_of(typed)
        );
    }
    let context = |kind| error.get(kind).map(ContextValue::to_string);
    let invalid = context(ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidUtf8 => not_text(typed),
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            let meant = meant(error, ContextKind::SuggestedSubcommand);
            format!("no such command '{name}'{meant}; pwalk --help lists the commands")
        }
        ErrorKind::UnknownArgument if invalid.starts_with('-') => {
            let meant = meant(error, ContextKind::SuggestedArg);
            format!("no such option '{invalid}'{meant}; see {}", help_of(typed))
        }
        ErrorKind::UnknownArgument => {
            format!("unexpected argument '{invalid}'; see {}", help_of(typed))
        }
        ErrorKind::MissingRequiredArgument => {
            format!("{}; see {}", first_paragraph(error), help_of(typed))
        }
        ErrorKind::InvalidValue
            if context(ContextKind::InvalidValue).is_none_or(|v| v.is_empty()) =>
        {
            no_value(&invalid, typed)
        }
        ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue).unwrap_or_default();
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            format!("invalid value '{value}' for '{invalid}': {why}")
        }
        ErrorKind::InvalidValue => {
            format!("{}{}", first_paragraph(error), meant(error, ContextKind::SuggestedValue))
        }
        _ => first_paragraph(error),
    }
}

/// An option that ends the command line has no value; otherwise it is empty.
fn no_value(argument: &str, typed: &[OsString]) -> String {
    if typed.iter().any(|typed| typed.is_empty() || typed.as_encoded_bytes().ends_with(b"=")) {
        format!("invalid value '' for '{argument}': must not be empty")
    } else {
        format!("'{argument}' needs a value; see {}", help_of(typed))
    }
}

/// What may have been meant, if anything is similar.
fn meant(error: &Error, kind: ContextKind) -> String {
    let similar = match error.get(kind) {
        Some(ContextValue::String(similar)) => Some(similar),
        // The most similar one stands last.
        Some(ContextValue::Strings(all)) => all.last(),
        _ => None,
    };
    similar.map(|similar| format!(" (did you mean '{similar}'?)")).unwrap_or_default()
}

/// How to get the help of the command that was typed.
fn help_of(typed: &[OsString]) -> String {
    let commands = command();
    let is_command = |typed: &&str| commands.find_subcommand(typed).is_some();
    let name = typed.iter().skip(1).filter_map(|typed| typed.to_str()).find(is_command);
    name.map_or("pwalk --help".to_owned(), |name| format!("pwalk {name} --help"))
}

/// Which argument is not UTF-8, with the option before it, whose value it may be.
fn not_text(typed: &[OsString]) -> String {
    let bad = typed.iter().position(|arg| arg.to_str().is_none()).unwrap_or_default();
    let around = &typed[bad.saturating_sub(1).max(1).min(bad)..=bad];
    let words: Vec<_> = around.iter().map(|arg| arg.to_string_lossy()).collect();
    format!("{}: not valid UTF-8", words.join(" "))
}

/// The parser's message without the usage that follows it, on one line.
fn first_paragraph(error: &Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let typed: Vec<OsString> = ["pwalk"].iter().chain(arguments).map(OsString::from).collect();
        line(&command().try_get_matches_from(&typed).unwrap_err(), &typed)
    }

    #[test]
    fn arguments_are_refused_in_one_line() {
        let values = "[possible values: utf8, raw, pwalk]";
        let cases: [(&[&str], &str); 13] = [
            (
                &["reprot"],
                "no such command 'reprot' (did you mean 'report'?); pwalk --help lists the commands",
            ),
            (
                &["walk", "x", "-type", "f"],
                "no such option '-type' (did you mean '--type'?); see pwalk walk --help",
            ),
            (
                &["walk", "x", "-maxdepth", "1"],
                "no such option '-maxdepth' (did you mean '--max-depth'?); see pwalk walk --help",
            ),
            (
                &["report", "x", "--depth", "1"],
                "no such option '--depth' (did you mean '--max-depth'?); see pwalk report --help",
            ),
            (
                &["report", "x", "--threads", "-1"],
                "invalid value '-1' for '--threads <N>': must be a whole number from 1 to 4096",
            ),
            (
                &["walk", "x", "--max-depth", "-1"],
                "invalid value '-1' for '--max-depth <N>': must be a whole number from 0 to 4294967295",
            ),
            (&["xyz"], "no such command 'xyz'; pwalk --help lists the commands"),
            (
                &["report", "--formt", "csv"],
                "no such option '--formt' (did you mean '--format'?); see pwalk report --help",
            ),
            (&["info", "a", "b"], "unexpected argument 'b'; see pwalk info --help"),
            (&["report", ""], "invalid value '' for '<PATH>...': must not be empty"),
            (&["report", "x", "-o"], "'--output <FILE>' needs a value; see pwalk report --help"),
            (
                &["walk", "x", "--max-depth", "two"],
                "invalid value 'two' for '--max-depth <N>': must be a whole number from 0 to 4294967295",
            ),
            (
                &["report", "x", "--names", "ra"],
                &format!("invalid value 'ra' for '--names <NAMES>' {values} (did you mean 'raw'?)"),
            ),
        ];
        for (arguments, expected) in cases {
            assert_eq!(refused(arguments), expected);
        }
    }
}
