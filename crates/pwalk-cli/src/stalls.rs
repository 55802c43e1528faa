//! Lines on standard error for requests that the filesystem does not answer.

use crate::message;
use pwalk::{Control, Operation, Stall, lock};
use std::sync::Mutex;

/// Stalls that are told of one by one; the summary lists more.
const N_SHOWN: usize = 10;

/// Says when a request of the walk stalls, and when it is answered after all or given up.
pub(crate) fn tell(control: &Control) {
    let shown = Mutex::default();
    control.on_stall(move |stall| {
        if let Some(line) = line(stall, &mut lock(&shown)) {
            message::say(line);
        }
    });
}

/// The stalls that were shown: of how many, and those that last.
#[derive(Default)]
struct Shown {
    n: usize,
    lasting: Vec<(Operation, Vec<u8>)>,
}

fn line(stall: &Stall, shown: &mut Shown) -> Option<String> {
    let id = (stall.operation, stall.path.clone());
    let (path, operation) = (String::from_utf8_lossy(&stall.path), stall.operation.name());
    let seconds = stall.duration.as_secs();
    if stall.is_over {
        let place = shown.lasting.iter().position(|lasting| *lasting == id)?;
        shown.lasting.swap_remove(place);
        let end = if stall.is_given_up { "given up" } else { "answered" };
        return Some(format!("{path}: {end} after {seconds} s ({operation})"));
    }
    shown.n += 1;
    match shown.n - 1 {
        n if n < N_SHOWN => {
            shown.lasting.push(id);
            Some(format!("{path}: no answer for {seconds} s ({operation}); the walk goes on"))
        }
        N_SHOWN => Some("more requests get no answer; the summary lists them".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn t49_each_of_the_first_stalls_has_a_line_at_its_start_and_at_its_end() {
        let mut shown = Shown::default();
        let stall = |n: u64, is_over| Stall {
            operation: Operation::Stat,
            path: format!("/data/{n}").into_bytes(),
            duration: Duration::from_secs(30 + n),
            is_over,
            is_given_up: false,
        };
        let begins = line(&stall(0, false), &mut shown).unwrap();
        assert_eq!(begins, "/data/0: no answer for 30 s (stat); the walk goes on");
        let lines: Vec<_> = (1..20).filter_map(|n| line(&stall(n, false), &mut shown)).collect();
        assert_eq!(lines.len(), N_SHOWN);
        assert_eq!(lines.last().unwrap(), "more requests get no answer; the summary lists them");
        let ends = line(&stall(5, true), &mut shown).unwrap();
        assert_eq!(ends, "/data/5: answered after 35 s (stat)");
        let given_up = Stall { is_given_up: true, ..stall(6, true) };
        assert_eq!(line(&given_up, &mut shown).unwrap(), "/data/6: given up after 36 s (stat)");
        assert_eq!(line(&stall(15, true), &mut shown), None);
    }
}
