//! Tables with bars, as wide as the terminal.
//!
//! Owns the layout: what has no room is left out, the bar first and the last number last, and long
//! paths lose their middle. Knows nothing of what the numbers say. A library for tables has
//! borders, wrapping and styles, and none has bars that take what is left: that would be ours anyway.

use crate::progress::cut;
use std::io::IsTerminal;
use unicode_width::UnicodeWidthStr;

/// Of a terminal that doesn't say, and of what is no terminal.
const WIDTH: usize = 80;

/// The narrowest bar, and what a label is cut to before numbers are left out.
const BAR_MIN: usize = 5;
const LABEL_MIN: usize = 14;

/// The widest ones.
const BAR_MAX: usize = 60;
const LABEL_MAX: usize = 40;

/// Between two columns.
const GAP: &str = "  ";

/// How text may look where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: usize,
    /// Escape sequences are understood, and wanted.
    has_styles: bool,
    /// Paths are cut to the width: nobody else reads them.
    cuts_paths: bool,
}

impl Look {
    /// On standard output.
    pub(crate) fn of_stdout() -> Look {
        if !std::io::stdout().is_terminal() {
            return Look { width: WIDTH, has_styles: false, cuts_paths: false };
        }
        let width = pwalk::terminal_width().unwrap_or(WIDTH);
        let is = |name, value: &str| std::env::var_os(name).is_some_and(|set| set == value);
        let refuses = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Look { width, has_styles: !refuses && !is("TERM", "dumb"), cuts_paths: true }
    }

    pub(crate) fn title(self, text: &str) -> String {
        self.styled("1", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.styled("1;31", text)
    }

    fn styled(self, style: &str, text: &str) -> String {
        if self.has_styles { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A sentence, in as many lines as it takes.
    pub(crate) fn sentence(self, text: &str) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let line = lines.last_mut().expect("there is one from the start");
            let is_full = self.cuts_paths && line.width() + 1 + word.width() > self.width;
            match line.is_empty() {
                true => line.push_str(word),
                false if is_full => lines.push(format!("{GAP}{word}")),
                false => *line = format!("{line} {word}"),
            }
        }
        lines
    }

    /// A line of text, cut in its middle if it is too long for the terminal.
    pub(crate) fn line(self, text: &str) -> String {
        if self.cuts_paths { cut(text, self.width) } else { text.to_owned() }
    }
}

/// A table: labels, numbers, and a bar for a share of the whole.
pub(crate) struct Table {
    pub(crate) title: String,
    /// Above the numbers.
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// A row. All of a table have as many numbers.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) numbers: Vec<String>,
    /// From 0 to 1; `None` without a bar.
    pub(crate) share: Option<f64>,
}

impl Table {
    /// Its lines.
    pub(crate) fn lines(&self, look: Look) -> Vec<String> {
        let mut widths: Vec<_> = self.heads.iter().map(|head| head.width()).collect();
        for row in &self.rows {
            let numbers = widths.iter_mut().zip(&row.numbers);
            numbers.for_each(|(width, number)| *width = (*width).max(number.width()));
        }
        let layout = Layout::new(self, widths, look.width);
        let heads = self.heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>();
        let title = look.title(&pad(&cut(&self.title, layout.label), layout.label));
        let mut lines = vec![format!("{title}{}", layout.numbers(&heads)).trim_end().to_owned()];
        lines.extend(self.rows.iter().map(|row| layout.row(row)));
        lines
    }
}

/// How wide everything is. What was left out has no width.
struct Layout {
    label: usize,
    /// Of numbers by their places.
    numbers: Vec<(usize, usize)>,
    percent: bool,
    bar: usize,
}

impl Layout {
    fn new(table: &Table, widths: Vec<usize>, width: usize) -> Layout {
        let labels = table.rows.iter().map(|row| row.label.width() + GAP.len());
        let wanted = labels.chain([table.title.width()]).max().unwrap_or(0).min(LABEL_MAX);
        let least = wanted.min(LABEL_MIN);
        let has_bar = table.rows.iter().any(|row| row.share.is_some());
        let mut numbers: Vec<_> = widths.into_iter().enumerate().collect();
        let sum = |numbers: &[(usize, usize)]| -> usize {
            numbers.iter().map(|(_, width)| width + GAP.len()).sum()
        };
        while numbers.len() > 1 && least + sum(&numbers) > width {
            numbers.remove(0);
        }
        let mut rest = width.saturating_sub(sum(&numbers));
        let percent = has_bar && rest >= least + PERCENT_WIDTH;
        rest -= if percent { PERCENT_WIDTH } else { 0 };
        let room = rest.saturating_sub(GAP.len() + BAR_MIN);
        let has_bar = has_bar && room >= least;
        let label = wanted.min(if has_bar { room.max(least) } else { rest });
        let bar = if has_bar { (rest - label - GAP.len()).min(BAR_MAX) } else { 0 };
        Layout { label, numbers, percent, bar }
    }

    fn row(&self, row: &Row) -> String {
        let room = self.label.saturating_sub(GAP.len());
        let label = pad(&format!("{GAP}{}", cut(&row.label, room)), self.label);
        let percent = match row.share {
            Some(share) if self.percent => format!("{GAP}{:>5.1}%", 100.0 * share),
            _ => String::new(),
        };
        let bar = match row.share {
            Some(share) if self.bar > 0 => format!("{GAP}{}", bar(share, self.bar)),
            _ => String::new(),
        };
        format!("{label}{}{percent}{bar}", self.numbers(&row.numbers)).trim_end().to_owned()
    }

    fn numbers(&self, texts: &[String]) -> String {
        let number = |(place, width): &(usize, usize)| {
            let text = texts.get(*place).map_or("", String::as_str);
            format!("{GAP}{}{text}", " ".repeat(width.saturating_sub(text.width())))
        };
        self.numbers.iter().map(number).collect()
    }
}

const PERCENT_WIDTH: usize = GAP.len() + 6;

/// A list of paths, with numbers in front.
pub(crate) struct List {
    pub(crate) title: String,
    pub(crate) rows: Vec<(Vec<String>, String)>,
}

impl List {
    /// Its lines. A path that is cut is shown by both its ends.
    pub(crate) fn lines(&self, look: Look) -> Vec<String> {
        let n_numbers = self.rows.iter().map(|(numbers, _)| numbers.len()).max().unwrap_or(0);
        let width = |place: usize| {
            let texts = self.rows.iter().filter_map(|(numbers, _)| numbers.get(place));
            texts.map(|text| text.width()).max().unwrap_or(0)
        };
        let mut widths: Vec<_> = (0..n_numbers).map(|place| (place, width(place))).collect();
        let sum = |widths: &[(usize, usize)]| -> usize {
            widths.iter().map(|(_, width)| width + GAP.len()).sum()
        };
        // The first number is what the list is sorted by.
        while look.cuts_paths && widths.len() > 1 && sum(&widths) + 2 * LABEL_MIN > look.width {
            widths.pop();
        }
        let room = look.width.saturating_sub(sum(&widths) + GAP.len());
        let line = |(numbers, path): &(Vec<String>, String)| {
            let number = |(place, width): &(usize, usize)| {
                let text = numbers.get(*place).map_or("", String::as_str);
                format!("{GAP}{}{text}", " ".repeat(width.saturating_sub(text.width())))
            };
            let numbers: String = widths.iter().map(number).collect();
            let path = if look.cuts_paths { cut(path, room) } else { path.clone() };
            format!("{numbers}{GAP}{path}")
        };
        let title = look.sentence(&self.title).into_iter().map(|line| look.title(&line));
        title.chain(self.rows.iter().map(line)).collect()
    }
}

/// A share as a bar, in eighths of a column.
fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * width as f64).round() as usize;
    // Something is never nothing.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(width: usize) -> Look {
        Look { width, has_styles: false, cuts_paths: true }
    }

    fn sample() -> Table {
        let row = |label: &str, share: f64| Row {
            label: label.to_owned(),
            numbers: vec!["1,202,000".to_owned(), "12.00 GiB".to_owned()],
            share: Some(share),
        };
        let rows = vec![row("bam", 0.832), row("データのフォルダ", 0.1), row("empty", 0.0)];
        Table { title: "Extensions".to_owned(), heads: vec!["files", "bytes"], rows }
    }

    #[test]
    fn a_table_fits_any_width_and_keeps_its_most_important_number() {
        let expected = [
            "Extensions              files      bytes",
            "  bam               1,202,000  12.00 GiB   83.2%  ███████████████████████▎",
            "  データのフォルダ  1,202,000  12.00 GiB   10.0%  ██▊",
            "  empty             1,202,000  12.00 GiB    0.0%",
        ];
        assert_eq!(sample().lines(look(78)), expected);
        let expected = [
            "Extensions          files      bytes",
            "  bam           1,202,000  12.00 GiB",
            "  デー…ォルダ   1,202,000  12.00 GiB",
            "  empty         1,202,000  12.00 GiB",
        ];
        assert_eq!(sample().lines(look(36)), expected);
        for width in 26..250 {
            for line in sample().lines(look(width)) {
                assert!(
                    line.width() <= width && line.contains("yte") | line.contains("iB"),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn bars_have_eighths_and_show_that_something_is_there() {
        let cases =
            [(0.0, ""), (0.0001, "▏"), (0.5, "██"), (0.53, "██▏"), (1.0, "████"), (7.0, "████")];
        for (share, expected) in cases {
            assert_eq!(bar(share, 4), expected);
        }
    }

    #[test]
    fn a_path_is_whole_where_no_terminal_is_and_cut_where_one_is() {
        let path = format!("/data/{}/end", "x".repeat(100));
        let rows = vec![(vec!["1.00 GiB".to_owned(), "7 entries".to_owned()], path.clone())];
        let list = List { title: "Largest".to_owned(), rows };
        let piped = Look { width: 80, has_styles: false, cuts_paths: false };
        assert!(list.lines(piped)[1].ends_with(&path));
        for width in 20..200 {
            let line = &list.lines(look(width))[1];
            assert!(line.width() <= width && line.starts_with("  1.00 GiB  "), "{line}");
        }
    }

    #[test]
    fn a_title_that_is_too_long_for_a_terminal_has_several_lines() {
        let rows = vec![(vec!["1.00 GiB".to_owned()], "/data".to_owned())];
        let title = "Largest directories, with all that is below them".to_owned();
        let lines = List { title, rows }.lines(look(40));
        let title = ["Largest directories, with all that is", "  below them"];
        assert_eq!(lines, [title[0], title[1], "  1.00 GiB  /data"]);
    }

    #[test]
    fn a_sentence_is_wrapped_on_a_terminal_only() {
        let lines = look(12).sentence("12 entries, 3 KiB apparent");
        assert_eq!(lines, ["12 entries,", "  3 KiB", "  apparent"]);
        let piped = Look { width: 12, has_styles: false, cuts_paths: false };
        assert_eq!(piped.sentence("12 entries, 3 KiB"), ["12 entries, 3 KiB"]);
    }

    #[test]
    fn styles_are_for_terminals_that_want_them() {
        let styled = Look { width: 80, has_styles: true, cuts_paths: true };
        assert_eq!(styled.warning("x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(look(80).warning("x"), "x");
    }
}
