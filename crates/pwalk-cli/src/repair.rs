//! `pwalk repair`: a plan, its changes, or what takes them back.

mod args;
mod text;

use crate::exit::Exit;
use crate::message;
use crate::progress::ProgressLine;
use crate::signals::{self, Cancellable};
use crate::stalls;
use pwalk::Error;
use pwalk::repair::{
    Applied, ApplyConfig, ApplyJob, Changes, Left, LeftList, PlanConfig, PlanJob, Planned,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use args::Task;
pub(crate) use args::{REPAIRED, REPAIRED_WHERE, RepairArgs};

/// Entries that are shown one by one; the summary counts all of them.
const N_LEFT_SHOWN: usize = 10;

/// How the changes are made, if they are.
struct How {
    journal: Option<PathBuf>,
    written: Vec<PathBuf>,
    syslog: bool,
    threads: Option<usize>,
    max_ops: Option<u64>,
}

/// What was done.
#[derive(Default)]
struct Done {
    planned: Option<Planned>,
    applied: Option<Applied>,
}

pub(crate) fn run(args: RepairArgs) -> Result<Exit, Error> {
    args.walk.check_condition()?;
    let (quiet, json, is_undo) = (args.quiet, args.json, args.undo.is_some());
    let (plan, timeout) = (args.plan.clone(), args.walk.timeout());
    let files: Vec<PathBuf> = args.files().cloned().collect();
    let inputs: Vec<PathBuf> = files.iter().chain(args.walk.roots()).cloned().collect();
    let errors = args.errors.clone();
    let (journal, syslog) = (args.journal.clone(), !args.no_syslog);
    let (task, threads, max_ops) = args.task()?;
    let written = plan.iter().chain(&errors).cloned().collect();
    let how = How { journal, written, syslog, threads, max_ops };
    if json || !quiet {
        message::require_stdout()?;
    }
    let signals = Cancellable::listen();
    if !quiet {
        stalls::tell(&signals.control);
    }
    let line = ProgressLine::new(quiet);
    let shown = Shown { quiet, has_list: errors.is_some(), n: AtomicUsize::new(0) };
    let done = line.around(&signals, || {
        signals.look_at(&inputs, timeout)?;
        args::check_distinct(&files)?;
        let list = errors.as_deref().map(LeftList::create).transpose()?;
        let on_left = |left: &Left| {
            list.iter().for_each(|list| list.add(left));
            shown.show(left);
        };
        let done = match task {
            Task::Plan(config) => repair(&config, &how, &signals, &line, list.as_ref(), &on_left)?,
            Task::Apply(changes) => {
                line.changes_begin(&signals.control, None);
                let applied = apply(changes, &how, &signals, &on_left)?;
                Done { applied: Some(applied), planned: None }
            }
        };
        Ok::<_, Error>((done, list.map_or(Ok(()), LeftList::finish)))
    });
    let (done, listed) = signals.ended(done)?;
    let printed = match (json, quiet) {
        (true, _) => message::print(text::json(&done)),
        (false, true) => Ok(()),
        (false, false) => message::print(text::of(&done, plan.as_deref(), is_undo)),
    };
    if let (Err(_), Some(applied)) = (&printed, &done.applied) {
        // Whoever reads none of it needs the journal all the same.
        text::of_journal(applied).iter().for_each(message::say);
    }
    if signals.control.is_cancelled() {
        message::say(text::interrupted(done.applied.as_ref()));
    }
    if !quiet {
        signals.tell_left_behind();
    }
    printed.and(listed).map(|()| exit(&done, &signals))
}

/// Plans, and makes the changes if they are to be made.
fn repair(
    config: &PlanConfig,
    how: &How,
    signals: &Cancellable,
    line: &ProgressLine,
    list: Option<&LeftList>,
    on_left: &(dyn Fn(&Left) + Sync),
) -> Result<Done, Error> {
    let mut job = PlanJob::prepare(config)?;
    job.leave_out(list.and_then(LeftList::id));
    job.notes().iter().for_each(message::say);
    signals.prepared(job.unfinished(), false);
    line.expect(job.n_expected());
    let changes = job.changes().map(|table| Changes::Table(table, job.root().to_owned()));
    let planned = job.run(&signals.control, on_left)?;
    let applied = match changes {
        Some(changes) if planned.changes > 0 => {
            line.changes_begin(&signals.control, Some(planned.changes));
            Some(apply(changes, how, signals, on_left)?)
        }
        Some(_) => Some(Applied { complete: true, ..Applied::default() }),
        None => None,
    };
    Ok(Done { planned: Some(planned), applied })
}

fn apply(
    changes: Changes,
    how: &How,
    signals: &Cancellable,
    on_left: &(dyn Fn(&Left) + Sync),
) -> Result<Applied, Error> {
    let config = ApplyConfig {
        journal: how.journal.clone(),
        written: how.written.clone(),
        syslog: how.syslog,
        threads: how.threads,
        max_ops: how.max_ops,
        ..ApplyConfig::new(changes)
    };
    let job = ApplyJob::prepare(&config)?;
    // From here on a signal waits for what was begun.
    signals::changes_things();
    job.run(&signals.control, on_left, &|note| message::say(note))
}

fn exit(done: &Done, signals: &Cancellable) -> Exit {
    if signals.control.is_cancelled() {
        return Exit::Signal(signals::received());
    }
    let is_planned = done.planned.as_ref().is_none_or(|planned| planned.complete);
    let is_applied = done.applied.as_ref().is_none_or(|applied| applied.complete);
    Exit::of_result(is_planned && is_applied)
}

/// Shows the first of the entries that are left as they are.
struct Shown {
    quiet: bool,
    has_list: bool,
    n: AtomicUsize,
}

impl Shown {
    fn show(&self, left: &Left) {
        if self.quiet {
            return;
        }
        match self.n.fetch_add(1, Relaxed) {
            n if n > N_LEFT_SHOWN => {}
            N_LEFT_SHOWN if self.has_list => message::say("more entries are in the list"),
            N_LEFT_SHOWN => message::say("more entries are not shown; --errors FILE lists all"),
            _ => message::say(format!("{}: {}", String::from_utf8_lossy(&left.path), left.why)),
        }
    }
}
