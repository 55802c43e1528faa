//! The `pwalk` command as a library: arguments in, exit status out.
//!
//! Owns the arguments, progress, messages, signals and exit statuses. Must not know how a walk
//! works: it prepares a job of the `pwalk` crate, runs it, and says how it ended.

#![forbid(unsafe_code)]

mod args;
mod convert;
mod exit;
mod generate;
mod info;
mod message;
mod pace;
mod panics;
mod probe;
mod profile;
mod progress;
mod refusal;
mod repair;
mod report;
mod signals;
mod stalls;
mod supervisor;
mod texts;
mod values;
mod walk;
mod words;

use args::{Args, Command};
use clap::Parser;
use exit::Exit;
use std::ffi::OsString;

pub use args::command;
pub use texts::after_help;

/// Runs the command with these arguments, the program's name first, and returns the exit status:
/// 0 complete, 1 finished with errors, 2 could not run, 130 interrupted (other signals: 128 and their
/// number), 141 the reader of standard output left before a second output was written.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    // A program has done so before `main`, a Python process has not.
    pwalk::occupy_standard_descriptors();
    let typed = args::help_as_option(args.into_iter().collect());
    let args = match Args::try_parse_from(&typed) {
        Ok(args) => args,
        Err(error) => return refusal::tell(&error, &typed).status(),
    };
    if let Some(status) = supervisor::split_if_needed(&args.command) {
        return status;
    }
    signals::survive_file_limit();
    // Here and not in the library: these are for the whole process.
    pwalk::raise_descriptor_limit();
    pwalk::share_heap_if_limited();
    panics::keep();
    let work = || match args.command {
        Command::Report(args) => report::run(args),
        Command::Walk(args) => walk::run(args),
        Command::Profile(args) => profile::run(args),
        Command::Repair(args) => repair::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Info(args) => info::run(&args),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { command } => generate::man(command.as_deref()),
    };
    let work = || work().unwrap_or_else(|error| Exit::of_error(&error));
    let status = panics::guarded(|| signals::beside_first_thread(work)).status();
    if supervisor::is_supervised() {
        supervisor::leave(status);
    }
    status
}
