//! `pwalk convert`.

use crate::args::ConvertArgs;
use crate::exit::Exit;
use crate::progress::ProgressLine;
use crate::report::{file, tell_converted};
use crate::signals::Cancellable;
use pwalk::{Convert, Error, Output};
use std::io::IsTerminal;

pub(crate) fn run(args: ConvertArgs) -> Result<Exit, Error> {
    let ConvertArgs { input, output, from, condition, table } = args;
    let output = table.into_config(Some(output))?;
    let from = from.map(|name| name.parse()).transpose()?;
    let signals = Cancellable::listen();
    // A table on the same terminal and progress would run into each other.
    let is_stream = output.output == Output::Stdout;
    let line = ProgressLine::new(is_stream && std::io::stdout().is_terminal());
    let (summary, output) = line.around(&signals, || {
        signals.look_at([Some(&input), file(&output.output)].into_iter().flatten(), None)?;
        let convert = Convert::prepare(&input, from, &output, condition.as_deref())?;
        signals.prepared(convert.unfinished(), is_stream);
        line.expect(convert.n_expected());
        let output = convert.output().clone();
        Ok::<_, Error>((convert.run(&signals.control)?, output))
    })?;
    // On a terminal only: it has always been silent in scripts.
    if std::io::stderr().is_terminal() {
        tell_converted(&summary, &output);
    }
    Ok(Exit::Complete)
}
