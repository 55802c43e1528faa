//! The one error for an argument that can't be used: which argument, which value, and why.
//!
//! It is raised where the argument is parsed, in whatever crate, and passed on unchanged up to the
//! command and to Python, which both name the argument in their own spelling. So nobody has to
//! take a message apart.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Characters of a value that a message has room for.
const SHOWN_MAX: usize = 200;

/// An argument of a job: its name, and what one value of it is called in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// As the API spells it: `exclude`.
    pub name: &'static str,
    /// What one value is, in words: `exclude pattern`.
    pub noun: &'static str,
}

impl Argument {
    /// An argument whose values are called by another word than its name.
    pub const fn new(name: &'static str, noun: &'static str) -> Argument {
        Argument { name, noun }
    }
}

/// An argument that can't be used. Displays as `noun 'value': reason`, and where it is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    argument: Argument,
    value: String,
    reason: String,
    /// What of the value is wrong, where that is known: bytes.
    at: Option<Range<usize>>,
}

impl ArgumentError {
    /// Says what is wrong with this value of an argument.
    pub fn new(
        argument: Argument,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> ArgumentError {
        ArgumentError { argument, value: value.into(), reason: reason.into(), at: None }
    }

    /// The same, with the bytes of the value that are wrong; none of them where something is missing.
    #[must_use]
    pub fn at(self, bytes: Range<usize>) -> ArgumentError {
        ArgumentError { at: Some(bytes), ..self }
    }

    /// Which characters of the value are wrong, counted from 0, where that is known. The range is
    /// empty where something is missing.
    pub fn place(&self) -> Option<Range<usize>> {
        let n_chars = |end: usize| self.value.get(..end).map(|text| text.chars().count());
        let at = self.at.as_ref()?;
        Some(n_chars(at.start)?..n_chars(at.end)?)
    }

    /// The name of the argument, as the API spells it.
    pub fn argument(&self) -> &'static str {
        self.argument.name
    }

    /// The value, or the part of it that is wrong.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value as messages show it: of a long one, what is around the place that is wrong.
    pub fn excerpt(&self) -> Cow<'_, str> {
        excerpt(&self.value, self.place().map_or(0, |place| place.start))
    }

    /// What is wrong with it.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Where it is wrong, for the end of a message: ` (at character 5)`; empty if that is not known.
    pub fn place_in_words(&self) -> String {
        match self.place() {
            None => String::new(),
            Some(place) if place.start == self.value.chars().count() => " (at the end)".to_owned(),
            Some(place) => format!(" (at character {})", place.start + 1),
        }
    }

    /// What the message is about: `exclude pattern 'a['`.
    pub fn subject(&self) -> String {
        format!("{} '{}'", self.argument.noun, self.excerpt())
    }
}

/// A text, or of a long one what is around one of its characters.
pub(crate) fn excerpt(text: &str, at: usize) -> Cow<'_, str> {
    let n_chars = text.chars().count();
    if n_chars <= SHOWN_MAX {
        return text.into();
    }
    let first = at.saturating_sub(SHOWN_MAX / 2).min(n_chars - SHOWN_MAX);
    let shown: String = text.chars().skip(first).take(SHOWN_MAX).collect();
    let dots = |is_cut| if is_cut { "..." } else { "" };
    format!("{}{shown}{}", dots(first > 0), dots(first + SHOWN_MAX < n_chars)).into()
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.subject(), self.reason, self.place_in_words())
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_argument_is_told_in_one_line_and_can_be_taken_apart() {
        let error = ArgumentError::new(Argument::new("columns", "column"), "x", "no such column");
        assert_eq!(error.to_string(), "column 'x': no such column");
        assert_eq!((error.argument(), error.value()), ("columns", "x"));
        assert_eq!((error.reason(), error.place()), ("no such column", None));
        let condition = |at| {
            let error = ArgumentError::new(Argument::new("where", "condition"), "é = x", "why");
            error.at(at).to_string()
        };
        assert_eq!(condition(5..6), "condition 'é = x': why (at character 5)");
        assert_eq!(condition(6..6), "condition 'é = x': why (at the end)");
    }

    #[test]
    fn a_long_value_is_shown_around_the_place_that_is_wrong() {
        let value = format!("{}HERE{}", "é".repeat(1000), "y".repeat(1000));
        let error = ArgumentError::new(Argument::new("where", "condition"), value.clone(), "why");
        assert_eq!(error.excerpt(), format!("{}...", "é".repeat(200)));
        assert_eq!(error.value(), value);
        let error = error.at(2000..2004);
        let around = format!("...{}HERE{}...", "é".repeat(100), "y".repeat(96));
        assert_eq!(error.to_string(), format!("condition '{around}': why (at character 1001)"));
        let error = error.at(3004..3004);
        assert_eq!(error.excerpt(), format!("...{}", "y".repeat(200)));
        assert_eq!(excerpt("short", 5), "short");
    }
}
