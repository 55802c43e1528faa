//! Shell completions and man pages, generated from the arguments.

use crate::args::command;
use crate::exit::Exit;
use crate::message;
use clap_complete::Shell;
use pwalk::Error;

pub(crate) fn completions(shell: Shell) -> Result<Exit, Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "pwalk", &mut text);
    message::print(String::from_utf8_lossy(&text).trim_end())?;
    Ok(Exit::Complete)
}

/// The page of the command, or of one of its subcommands.
pub(crate) fn man(name: Option<&str>) -> Result<Exit, Error> {
    let mut all = command();
    all.build();
    let page = match name {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).filter(|found| !found.is_hide_set());
            found.cloned().ok_or_else(|| Error::unknown_command(name))?
        }
    };
    let mut text = Vec::new();
    // Writing to memory can't fail.
    let _ = clap_mangen::Man::new(page).render(&mut text);
    message::print(String::from_utf8_lossy(&text).trim_end())?;
    Ok(Exit::Complete)
}
