//! `pwalk convert`.

use crate::args::ConvertArgs;
use crate::exit::Exit;
use crate::report::tell_converted;
use crate::signals::Cancellable;
use pwalk::{Convert, Error, Output};
use std::io::IsTerminal;

pub(crate) fn run(args: ConvertArgs) -> Result<Exit, Error> {
    let ConvertArgs { input, output, from, table } = args;
    let output = table.into_config(Some(output))?;
    let from = from.map(|name| name.parse()).transpose()?;
    let is_stream = output.output == Output::Stdout;
    let signals = Cancellable::listen();
    let convert = Convert::prepare(&input, from, &output)?;
    signals.prepared(convert.unfinished(), is_stream);
    let output = convert.output().clone();
    let summary = convert.run(&signals.control)?;
    // On a terminal only: it has always been silent in scripts.
    if std::io::stderr().is_terminal() {
        tell_converted(&summary, &output);
    }
    Ok(Exit::Complete)
}
