//! `pwalk profile`: a profile as tables, as JSON, or as a page.

mod args;
mod sections;
mod table;

use crate::exit::Exit;
use crate::message;
use crate::progress::ProgressLine;
use crate::report::file;
use crate::signals::Cancellable;
use crate::stalls;
use crate::words;
use pwalk::profile::{Profile, ProfileConfig, ProfileJob, TOP_DEFAULT};
use pwalk::{Error, Output};
use std::io::IsTerminal;
use table::Look;

pub(crate) use args::{By, PROFILED, ProfileArgs};

/// Items of each table, unless something else is asked for.
const TOP: usize = 10;

/// What is printed on standard output.
enum Printed {
    /// The page is there.
    Nothing,
    Json,
    /// All tables or one, with so many items.
    Tables(Option<By>, usize),
}

pub(crate) fn run(args: ProfileArgs) -> Result<Exit, Error> {
    check_stdout(&args)?;
    args.walk.check_condition()?;
    let (timeout, for_trees) = (args.walk.timeout(), args.walk.set_for_trees());
    let (quiet, printed) = (args.quiet, printed(&args));
    let config = config(args)?;
    if !matches!(printed, Printed::Nothing) || config.page == Some(Output::Stdout) {
        message::require_stdout()?;
    }
    let signals = Cancellable::listen();
    if !quiet {
        stalls::tell(&signals.control);
    }
    let line = ProgressLine::new(quiet);
    let done = line.around(&signals, || {
        let inputs = config.walk.roots.iter().chain(&config.walk.exclude_from);
        signals.look_at(inputs.chain(config.page.as_ref().and_then(file)), timeout)?;
        check_scan(&config, for_trees)?;
        let job = ProfileJob::prepare(&config)?;
        job.notes().iter().for_each(message::say);
        signals.prepared(job.unfinished(), config.page == Some(Output::Stdout));
        line.expect(job.n_expected());
        job.run(&signals.control, &|_| ())
    });
    let profile = signals.ended(done)?;
    print(&profile, &printed)?;
    if !quiet {
        tell(&profile, &printed, config.page.as_ref());
        signals.tell_left_behind();
    }
    Ok(Exit::of_result(profile.complete != Some(false)))
}

/// A saved scan is not walked: what says how to walk means nothing there.
fn check_scan(config: &ProfileConfig, option: Option<&'static str>) -> Result<(), Error> {
    let Some(option) = option else { return Ok(()) };
    let Some(scan) = config.saved_scan() else { return Ok(()) };
    let reason = format!("{option} is for trees: a saved scan is read as it is");
    Err(Error::usage("path", scan.to_string_lossy(), reason))
}

/// The page stands in place of the tables: what asks for something else beside it would be lost.
fn check_stdout(args: &ProfileArgs) -> Result<(), Error> {
    let asked = [("--json", args.json), ("--by", args.by.is_some())];
    match asked.into_iter().find(|(_, is_set)| *is_set) {
        Some((option, _)) if has_page_on_stdout(args) => {
            let reason =
                format!("standard output is what {option} writes to: give the page a file");
            Err(Error::usage("--html", "-", reason))
        }
        _ => Ok(()),
    }
}

fn has_page_on_stdout(args: &ProfileArgs) -> bool {
    args.html.as_ref().is_some_and(|html| html.as_os_str() == "-")
}

fn printed(args: &ProfileArgs) -> Printed {
    match args.by {
        _ if has_page_on_stdout(args) || args.quiet && args.html.is_some() && !args.json => {
            Printed::Nothing
        }
        _ if args.json => Printed::Json,
        None => Printed::Tables(None, args.top.unwrap_or(TOP)),
        by => Printed::Tables(by, args.top.unwrap_or(TOP_DEFAULT)),
    }
}

fn config(args: ProfileArgs) -> Result<ProfileConfig, Error> {
    // Destructured, so that a new argument can't be forgotten here.
    let ProfileArgs { walk, top, by: _, json: _, html, from, quiet: _ } = args;
    Ok(ProfileConfig {
        walk: walk.into_config(),
        format: from.map(|name| name.parse()).transpose()?,
        top: top.unwrap_or(TOP_DEFAULT),
        page: html.map(|html| match html.as_os_str() == "-" {
            true => Output::Stdout,
            false => Output::File(html),
        }),
    })
}

fn print(profile: &Profile, printed: &Printed) -> Result<(), Error> {
    match printed {
        Printed::Nothing => Ok(()),
        Printed::Json => message::print(profile.to_json()),
        Printed::Tables(by, n_shown) => {
            let look = Look::of_stdout();
            message::print(sections::text(profile, *by, *n_shown, look))
        }
    }
}

/// What else is said: where the page is, and that something is missing, if the tables do not say
/// so on the same terminal.
fn tell(profile: &Profile, printed: &Printed, page: Option<&Output>) {
    let is_seen = matches!(printed, Printed::Tables(..)) && std::io::stdout().is_terminal();
    if profile.complete == Some(false) && !is_seen {
        let errors = words::errors(profile.errors.count);
        message::print_error(&format!("NOT complete, {errors}"));
    }
    if let Some(Output::File(path)) = page {
        message::print_error(&message::one_line(&format!("page: {}", path.display())));
    }
}
