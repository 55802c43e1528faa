//! `pwalk convert`.

use crate::args::ConvertArgs;
use crate::exit::Exit;
use crate::signals::Cancellable;
use pwalk::{Convert, Error, Output};

pub(crate) fn run(args: ConvertArgs) -> Result<Exit, Error> {
    let ConvertArgs { input, output, from, table } = args;
    let output = table.into_config(Some(output))?;
    let from = from.map(|name| name.parse()).transpose()?;
    let is_stream = output.output == Output::Stdout;
    let signals = Cancellable::listen();
    let convert = Convert::prepare(&input, from, &output)?;
    signals.prepared(convert.unfinished(), is_stream);
    convert.run(&signals.control)?;
    Ok(Exit::Complete)
}
