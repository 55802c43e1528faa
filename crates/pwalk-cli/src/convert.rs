//! `pwalk convert`.

use crate::args::ConvertArgs;
use crate::exit::Exit;
use crate::signals;
use pwalk::{Control, Convert, Error};
use std::sync::Arc;

pub(crate) fn run(args: ConvertArgs) -> Result<Exit, Error> {
    let ConvertArgs { input, output, from, table } = args;
    let output = table.into_config(output)?;
    let from = from.map(|name| name.parse()).transpose()?;
    let convert = Convert::prepare(&input, from, &output)?;
    let control = Arc::new(Control::default());
    signals::cancel_on_signal(&control, convert.unfinished());
    convert.run(&control)?;
    Ok(Exit::Complete)
}
