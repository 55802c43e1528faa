//! Shell completions and man pages, generated from the arguments and the texts of help.

use crate::args::command;
use crate::exit::Exit;
use crate::message;
use crate::texts::{TEXTS, texts};
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use pwalk::Error;

pub(crate) fn completions(shell: Shell) -> Result<Exit, Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "pwalk", &mut text);
    message::print(String::from_utf8_lossy(&text).trim_end())?;
    Ok(Exit::Complete)
}

/// The page of the command, or of one of its subcommands, named as the page or the subcommand.
pub(crate) fn man(name: Option<&str>) -> Result<Exit, Error> {
    let mut all = command();
    all.build();
    let name = name.unwrap_or_default();
    let name = name.strip_prefix("pwalk-").unwrap_or(name);
    let page = all.find_subcommand(name).cloned().unwrap_or(all);
    message::print(String::from_utf8_lossy(&render(page)).trim_end())?;
    Ok(Exit::Complete)
}

/// The generator would put all text below the options into one filled paragraph called EXTRA.
fn render(page: Command) -> Vec<u8> {
    let of_all = page.has_subcommands();
    let name = if of_all { String::new() } else { page.get_name().to_owned() };
    let about = page.get_about().map(ToString::to_string).unwrap_or_default();
    let notes: String = texts(&name).notes.iter().map(|note| format!("\n\n{note}")).collect();
    let description = page.clone().long_about(format!("{about}.{notes}"));
    let version = format!("pwalk {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(page).source(version).manual("pwalk");
    let mut text = Vec::new();
    // Writing to memory can't fail.
    let _ = man.render_title(&mut text);
    let _ = man.render_name_section(&mut text);
    let _ = man.render_synopsis_section(&mut text);
    let _ = Man::new(description).render_description_section(&mut text);
    let mut options = Vec::new();
    let _ = man.render_options_section(&mut options);
    text.extend(unfilled(&String::from_utf8_lossy(&options)).bytes());
    if of_all {
        let _ = man.render_subcommands_section(&mut text);
    }
    let _ = closing(&name).to_writer(&mut text);
    text
}

/// Lines that are indented keep their breaks and spaces: the table of columns.
fn unfilled(options: &str) -> String {
    let mut text = String::with_capacity(options.len() + 16);
    let mut is_filled = true;
    for line in options.lines() {
        if is_filled == line.starts_with("  ") {
            text.push_str(if is_filled { ".nf\n" } else { ".fi\n" });
            is_filled = !is_filled;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The sections that stand last.
fn closing(name: &str) -> Roff {
    let texts = texts(name);
    let mut roff = Roff::default();
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in texts.examples {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []).control("SH", ["EXIT STATUS"]);
    for (number, meaning) in texts.statuses {
        roff.control("TP", ["8"]).text([bold(*number)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(see_also(name).join(", "))]);
    roff
}

/// The other pages, and those of the tools that do half of the same.
fn see_also(name: &str) -> Vec<String> {
    let others = TEXTS.iter().filter(|texts| texts.command != name);
    let pages = others.map(|texts| texts.page).chain(["find", "du"]);
    pages.map(|page| format!("{page}(1)")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_columns_keeps_its_lines_in_the_page() {
        let mut all = command();
        all.build();
        let page = render(all.find_subcommand("report").unwrap().clone());
        let page = String::from_utf8(page).unwrap();
        let (_, table) = page.split_once("\n.nf\n  inode").expect("filling ends before the table");
        let (table, after) = table.split_once(".fi\n").expect("and begins again behind it");
        assert!(table.contains("\n  target ") && !after.contains("\n  target "), "{table}");
        assert!(page.is_ascii(), "groff alone reads no other characters");
    }
}
