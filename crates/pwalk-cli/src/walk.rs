//! `pwalk walk`.

use crate::args::{KindArg, WalkCommandArgs};
use crate::exit::Exit;
use crate::message;
use crate::progress::ProgressLine;
use crate::signals::Cancellable;
use crate::stalls;
use pwalk::{EntryError, Error, Paths, PathsConfig};
use std::io::IsTerminal;
use std::sync::Arc;

pub(crate) fn run(args: WalkCommandArgs) -> Result<Exit, Error> {
    message::require_stdout()?;
    let WalkCommandArgs { walk, quiet, null, kinds } = args;
    walk.check_condition()?;
    let signals = Cancellable::listen();
    if !quiet {
        stalls::tell(&signals.control);
    }
    // Paths and progress on one terminal would run into each other.
    let line = ProgressLine::new(quiet || std::io::stdout().is_terminal());
    let on_error = |error: &EntryError| {
        if !quiet {
            message::say(message::entry_error(error));
        }
    };
    let done = line.around(&signals, || {
        let timeout = walk.timeout();
        let walk = walk.into_config();
        signals.look_at(walk.roots.iter().chain(&walk.exclude_from), timeout)?;
        let kinds = kinds.into_iter().map(KindArg::into).collect();
        let paths = Paths::prepare(PathsConfig { walk, kinds, nul: null })?;
        paths.notes().iter().for_each(message::say);
        signals.prepared(Arc::default(), true);
        paths.run(&signals.control, &on_error)
    });
    let summary = signals.ended(done)?;
    if !quiet {
        message::unmatched_excludes(&summary).iter().for_each(message::say);
        signals.tell_left_behind();
    }
    Ok(Exit::of_result(summary.is_complete()))
}
