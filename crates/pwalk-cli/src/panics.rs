//! What the command says of a panic: one line, which says that it is our fault and where to report
//! it, and status 2.
//!
//! A panic itself says nothing: it may be caught on its way, as those of libraries are that read
//! a damaged file, and then it is none for the user. Its place is kept for the line. With
//! `RUST_BACKTRACE` set Rust's own report comes first.

use crate::exit::Exit;
use crate::message;
use pwalk::{Error, lock};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

/// Where to report it; empty if that is not known.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The panics so far: what each has said, and its place in the source.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Keeps what panics say from now on, instead of printing it.
pub(crate) fn keep() {
    let print = take_hook();
    let is_report_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    set_hook(Box::new(move |panic| {
        // The second one of a thread may be the end of the process: this is the last chance.
        let is_second = record(panic);
        if is_second || is_report_wanted {
            print(panic);
        }
    }));
}

/// Runs the command; a panic is said, and status 2.
pub(crate) fn guarded(run: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| say(&Error::panicked(&*panic)))
}

/// Says a panic that ends a job, and where it was.
pub(crate) fn say(error: &Error) -> Exit {
    let panics = lock(&PANICS);
    let place = panics.iter().rev().find(|(text, _)| text == error.reason());
    let place = place.map(|(_, place)| format!(" ({place})")).unwrap_or_default();
    let report = match REPOSITORY {
        "" => String::new(),
        url => format!(" at {url}/issues"),
    };
    message::say(format!("{error}{place}; please report it{report}"));
    Exit::Unable
}

/// True if this thread has panicked before.
fn record(panic: &PanicHookInfo<'_>) -> bool {
    thread_local!(static HAS_PANICKED: Cell<bool> = const { Cell::new(false) });
    let text = Error::panicked(panic.payload()).reason().to_owned();
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
    lock(&PANICS).push((text, place.unwrap_or_default()));
    HAS_PANICKED.replace(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What a child of this test does, by the name that is in its environment.
    const DEED: &str = "PWALK_TEST_PANIC";

    /// The command, with a job that panics: in this process if it is such a child.
    #[test]
    fn a_command_that_panics() {
        let Ok(deed) = std::env::var(DEED) else { return };
        keep();
        let exit = guarded(|| {
            crate::signals::beside_first_thread(|| match deed.as_str() {
                "caught" => {
                    let _ = catch_unwind(|| panic!("a damaged file"));
                    Exit::Complete
                }
                _ => panic!("told\nto panic"),
            })
        });
        std::process::exit(exit.status().into());
    }

    fn run(deed: &str, backtrace: &str) -> (Option<i32>, String) {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "panics::tests::a_command_that_panics", "--nocapture"]);
        child.env(DEED, deed).env("RUST_BACKTRACE", backtrace);
        let output = child.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    fn t47_a_panic_of_the_command_is_one_line_and_status_2() {
        let (status, said) = run("panics", "0");
        assert_eq!((status, said.lines().count()), (Some(2), 1), "{said}");
        let begin = r"pwalk: internal error: told\nto panic (crates/pwalk-cli/src/panics.rs:";
        assert!(said.starts_with(begin) && said.contains("); please report it"), "{said}");
    }

    #[test]
    fn with_rust_backtrace_the_report_of_rust_comes_first() {
        let (status, said) = run("panics", "1");
        assert_eq!(status, Some(2));
        assert!(said.contains("panicked at") && said.contains("stack backtrace:"), "{said}");
        assert!(said.lines().last().unwrap().starts_with("pwalk: internal error: "), "{said}");
    }

    #[test]
    fn a_panic_that_is_caught_on_its_way_says_nothing() {
        assert_eq!(run("caught", "0"), (Some(0), String::new()));
    }
}
