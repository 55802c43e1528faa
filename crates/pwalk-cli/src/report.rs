//! `pwalk report`.

use crate::args::ReportArgs;
use crate::exit::Exit;
use crate::message;
use crate::progress::ProgressLine;
use crate::signals::Cancellable;
use crate::stalls;
use crate::words;
use pwalk::{EntryError, Error, Operation, Output, Report, ReportConfig, Summary};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Errors that are shown one by one; the summary counts all of them.
const N_ERRORS_SHOWN: usize = 10;

pub(crate) fn run(args: ReportArgs) -> Result<Exit, Error> {
    let files = args.files()?;
    args.walk.check_condition()?;
    let beside = [files.0.as_ref().map(|_| "--summary"), files.1.as_ref().map(|_| "--errors")];
    let beside: Vec<_> = beside.into_iter().flatten().collect();
    match write(args, files) {
        Err(error) if error.is_closed_stdout() && !beside.is_empty() => {
            let beside = beside.join(", ");
            message::say(format!("the reader of standard output left; not written: {beside}"));
            Ok(Exit::ReaderLeft)
        }
        done => done,
    }
}

/// `files`: of the summary and of the errors.
fn write(
    args: ReportArgs,
    (summary, errors): (Option<PathBuf>, Option<PathBuf>),
) -> Result<Exit, Error> {
    let ReportArgs { walk, quiet, output, table, json, .. } = args;
    let has_error_list = errors.is_some();
    let table = table.into_config(output)?;
    let signals = Cancellable::listen();
    if !quiet {
        stalls::tell(&signals.control);
    }
    let line = ProgressLine::new(quiet);
    let shown = AtomicUsize::new(0);
    // Of changed names the summary tells, and the list of errors.
    let is_shown = |error: &EntryError| !quiet && error.operation != Operation::Name;
    let on_error = |error: &EntryError| match shown.fetch_add(is_shown(error).into(), Relaxed) {
        _ if !is_shown(error) => {}
        n if n > N_ERRORS_SHOWN => {}
        N_ERRORS_SHOWN if has_error_list => message::say("more errors are in the error list"),
        N_ERRORS_SHOWN => message::say("more errors are not shown; --errors FILE lists all"),
        _ => message::say(message::entry_error(error)),
    };
    let done = line.around(&signals, || {
        let timeout = walk.timeout();
        let walk = walk.into_config();
        let outputs = [file(&table.output), summary.as_ref(), errors.as_ref()];
        let outputs = outputs.into_iter().flatten();
        signals.look_at(walk.roots.iter().chain(&walk.exclude_from).chain(outputs), timeout)?;
        let report = Report::prepare(ReportConfig { walk, table, summary, errors })?;
        let output = report.output().clone();
        report.notes().iter().for_each(message::say);
        signals.prepared(report.unfinished(), output == Output::Stdout);
        line.expect(report.n_expected());
        Ok::<_, Error>((report.run(&signals.control, &on_error)?, output))
    });
    let (summary, output) = signals.ended(done)?;
    if json {
        return Ok(print_json(&summary, &output));
    }
    if !quiet {
        tell(&summary, &output);
        signals.tell_left_behind();
    }
    Ok(Exit::of_result(summary.is_complete()))
}

/// The file or folder that an output is.
pub(crate) fn file(output: &Output) -> Option<&PathBuf> {
    match output {
        Output::File(path) => Some(path),
        Output::Stdout => None,
    }
}

/// The summary for a machine: on standard output, unless the table went there. The table is
/// there, whatever becomes of this.
fn print_json(summary: &Summary, output: &Output) -> Exit {
    let is_printed = match output {
        Output::File(_) => message::print(summary.to_json()),
        Output::Stdout => {
            message::print_error(&summary.to_json());
            Ok(())
        }
    };
    match is_printed {
        Err(error) if !error.is_closed_stdout() => {
            message::say(format!(
                "{error}: the summary is not printed; {}",
                ending(summary, output)
            ));
            Exit::Errors
        }
        _ => Exit::of_result(summary.is_complete()),
    }
}

/// The summary in words.
fn tell(summary: &Summary, output: &Output) {
    let rate = summary.n_entries() as f64 / summary.seconds.max(1e-6);
    let time = format!(" in {:.2} s ({}/s)", summary.seconds, words::count(rate as u64));
    tell_sums(summary, &time);
    left_out(summary).iter().for_each(|line| message::print_error(line));
    message::unmatched_excludes(summary).iter().for_each(|line| message::print_error(line));
    message::print_error(&message::one_line(&ending(summary, output)));
}

/// What is in a table that was made from another one. How long its walk took is no news.
pub(crate) fn tell_converted(summary: &Summary, output: &Output) {
    tell_sums(summary, "");
    message::print_error(&message::one_line(&ending(summary, output)));
}

fn tell_sums(summary: &Summary, time: &str) {
    let kinds: Vec<_> =
        summary.entries.iter().map(|(kind, n)| format!("{} {kind}", words::count(*n))).collect();
    let n_entries = words::entries(summary.n_entries());
    message::print_error(&format!("{n_entries}{time}: {}", kinds.join(", ")));
    let bytes = |n: i128| words::bytes(n.clamp(0, u64::MAX.into()) as u64);
    let sums = [
        ("bytes/apparent", summary.bytes.apparent, "apparent"),
        ("bytes/allocated", summary.bytes.allocated, "allocated"),
    ];
    let known = sums.into_iter().filter(|(key, ..)| summary.knows(key));
    let texts: Vec<_> = known.map(|(_, n, word)| format!("{} {word}", bytes(n))).collect();
    if !texts.is_empty() {
        message::print_error(&texts.join(", "));
    }
}

fn left_out(summary: &Summary) -> Vec<String> {
    let skipped = &summary.skipped;
    let counts = [
        (summary.vanished, "vanished during the walk", "vanished during the walk"),
        (
            skipped.snapshots,
            "snapshot directory skipped (--snapshots walks it)",
            "snapshot directories skipped (--snapshots walks them)",
        ),
        (skipped.excluded, "excluded", "excluded"),
        (skipped.filtered, "left out by --where", "left out by --where"),
        (
            skipped.mount_points,
            "mount point of another filesystem skipped",
            "mount points of other filesystems skipped",
        ),
        (
            skipped.automounts,
            "automount point not entered (name it as a root to mount and walk it)",
            "automount points not entered (name them as roots to mount and walk them)",
        ),
        (
            skipped.own_outputs,
            "file or folder of this very run left out",
            "files and folders of this very run left out",
        ),
        (
            summary.repeated_names,
            "name that a directory listed more than once, written once",
            "names that a directory listed more than once, written once",
        ),
        (
            summary.changed_names,
            "path that is not valid UTF-8, written with replacement characters (--errors lists it)",
            "paths that are not valid UTF-8, written with replacement characters (--errors lists them)",
        ),
        (
            summary.stalls,
            "request was not answered for 30 seconds or longer",
            "requests were not answered for 30 seconds or longer",
        ),
        (
            summary.threads_refused,
            "thread could not be started; the others did the work",
            "threads could not be started; the others did the work",
        ),
    ];
    let counts = counts.into_iter().filter(|(n, ..)| *n > 0);
    counts.map(|(n, one, many)| words::counted(n, one, many)).collect()
}

fn ending(summary: &Summary, output: &Output) -> String {
    let place = match output {
        Output::File(path) => path.display().to_string(),
        Output::Stdout => "standard output".to_owned(),
    };
    if summary.is_complete() {
        return format!("complete: {place}");
    }
    if summary.complete.is_none() {
        return format!("written, complete as far as the input is: {place}");
    }
    let errors: Vec<_> =
        summary.errors.iter().map(|(name, n)| format!("{} {name}", words::count(*n))).collect();
    let n_errors = words::errors(summary.n_errors());
    format!("NOT complete, {n_errors} ({}): {place}", errors.join(", "))
}
