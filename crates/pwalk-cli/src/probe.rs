//! What `pwalk info --probe` shows: a table with bars.

use crate::message;
use crate::words;
use pwalk::{Call, Error, Info, Operation, Probe, ProbeConfig, Settings, Tried};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;

/// Columns of a terminal whose width is unknown, and of anything else.
const WIDTH: usize = 80;

/// Columns left of the bars.
const TABLE_WIDTH: usize = 48;

/// Bars are no longer than this.
const BAR_MAX: usize = 50;

/// Probes a path, and shows on a terminal which number is being tried.
pub(crate) fn run(
    info: &Info,
    time: Duration,
    settings: Settings,
    control: &pwalk::Control,
) -> Result<Probe, Error> {
    let threads = (info.threads.max == info.threads.count).then_some(info.threads.count);
    let config = ProbeConfig { path: info.path.clone(), time, threads, settings };
    let is_shown = std::io::stderr().is_terminal();
    let show = |level: usize| {
        if is_shown && pwalk::has_terminal() {
            let requests = words::counted(level as u64, "request", "requests");
            message::status(&format!("trying {requests} at once"));
        }
    };
    let probe = Probe::run(&config, control, show);
    message::clear_status();
    probe
}

pub(crate) fn as_json(probe: &Probe) -> Value {
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
    let level = |tried: &Tried| {
        json!({
            "at_once": tried.level,
            "requests": tried.n_requests,
            "requests_per_second": tried.rate.round(),
            "median_us": micros(tried.median),
            "p99_us": micros(tried.slowest),
            "repeated": tried.is_repeated,
        })
    };
    let call = |call: &Call| {
        let (median, slowest) = (micros(call.median), micros(call.slowest));
        (call.name.to_owned(), json!({"requests": call.n, "median_us": median, "p99_us": slowest}))
    };
    let waiting = |waiting: &pwalk::Waiting| {
        json!({
            "operation": waiting.operation.name(),
            "path": String::from_utf8_lossy(&waiting.path),
            "seconds": waiting.since.elapsed().as_secs_f64(),
        })
    };
    json!({
        "seconds": probe.time.as_secs_f64(),
        "passes": probe.n_passes,
        "small": probe.is_small,
        "best": probe.best().map(|tried| tried.level),
        "levels": probe.levels.iter().map(level).collect::<Vec<_>>(),
        "calls": probe.calls.iter().map(call).collect::<serde_json::Map<_, _>>(),
        "waiting": probe.waiting.iter().map(waiting).collect::<Vec<_>>(),
    })
}

/// The table, as suits the standard output.
pub(crate) fn as_text(probe: &Probe, max_ops: Option<usize>) -> String {
    let is_terminal = std::io::stdout().is_terminal();
    let width = if is_terminal { pwalk::terminal_width().unwrap_or(WIDTH) } else { WIDTH };
    let ink = if is_terminal && speaks_utf8() { Ink::Blocks } else { Ink::Plain };
    draw(probe, max_ops, width, ink)
}

/// The characters of the bars.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ink {
    Blocks,
    Plain,
}

fn draw(probe: &Probe, max_ops: Option<usize>, width: usize, ink: Ink) -> String {
    let mut lines = vec![heading(probe)];
    let highest = probe.levels.iter().map(|tried| tried.rate).fold(0.0, f64::max);
    let width = width.saturating_sub(TABLE_WIDTH + 1).min(BAR_MAX);
    let answered: Vec<_> = probe.levels.iter().filter(|tried| tried.n_requests > 0).collect();
    if !answered.is_empty() {
        let names = ["at once", "requests/s", "median", "p99"];
        lines.push(row(&names.map(str::to_owned), ""));
    }
    for tried in answered {
        let mark = if tried.is_repeated { "*" } else { "" };
        let cells = [
            tried.level.to_string(),
            words::count(tried.rate.round() as u64),
            time(tried.median),
            time(tried.slowest),
        ];
        lines.push(row(&cells, &format!("{mark:<1} {}", bar(tried.rate / highest, width, ink))));
    }
    lines.extend(notes(probe, max_ops));
    lines.extend(probe.waiting.iter().take(5).map(still_waiting));
    lines.join("\n")
}

fn row(cells: &[String; 4], rest: &str) -> String {
    let [level, rate, median, slowest] = cells;
    format!("{level:>9} {rate:>12} {median:>12} {slowest:>12}{rest}").trim_end().to_owned()
}

fn heading(probe: &Probe) -> String {
    let n = probe.levels.iter().map(|tried| tried.n_requests).sum();
    let requests = words::counted(n, "request", "requests");
    let seconds = probe.time.as_secs_f64();
    let calls = probe.calls.iter().map(|call| format!("{} {}", call.name, time(call.median)));
    let calls = calls.collect::<Vec<_>>().join(", ");
    let fewest = probe.levels.first().map_or(1, |tried| tried.level);
    let calls = if calls.is_empty() { calls } else { format!("; {fewest} at once: {calls}") };
    format!("probe:        {requests} in {seconds:.1} s{calls}")
}

fn notes(probe: &Probe, max_ops: Option<usize>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(best) = probe.best() {
        let rate = words::count(best.rate.round() as u64);
        let is_last = probe.levels.last().is_some_and(|tried| tried.level == best.level);
        let more = match is_last {
            true => "more were not tried",
            false => "more gain less than 10%",
        };
        notes.push(format!("best:         {} at once, {rate} requests/s; {more}", best.level));
    }
    let mut note = |text: String| notes.push(format!("note:         {text}"));
    if probe.is_small && probe.levels.iter().all(|tried| tried.n_requests == 0) {
        note("there is nothing to read below this path".to_owned());
        return notes;
    }
    if probe.is_small {
        note("the tree is too small to keep more requests in flight".to_owned());
    }
    if probe.levels.iter().any(|tried| tried.is_repeated) {
        let times = words::counted(probe.n_passes, "time", "times");
        note(format!("* the tree had been read before ({times}): caches may have answered"));
    }
    if let Some(n) = max_ops {
        note(format!("no more than {} requests/s were made (--max-ops)", words::count(n as u64)));
    }
    notes
}

fn still_waiting(waiting: &pwalk::Waiting) -> String {
    let path = message::one_line(&String::from_utf8_lossy(&waiting.path));
    let seconds = waiting.since.elapsed().as_secs_f64();
    let operation = match waiting.operation {
        Operation::Stat => "statx",
        Operation::Open => "open",
        _ => "getdents",
    };
    format!("no answer:    {path} ({operation}, {seconds:.1} s)")
}

/// `1.2 ms`
fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        ..1e3 => return format!("{nanos} ns"),
        ..1e6 => (nanos / 1e3, "us"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// A bar for a share of the width, to an eighth of a column.
fn bar(share: f64, width: usize, ink: Ink) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    match ink {
        Ink::Blocks => "█".repeat(eighths / 8) + EIGHTHS[eighths % 8],
        Ink::Plain => "#".repeat((eighths + 4) / 8),
    }
}

/// According to the first locale variable that is set.
fn speaks_utf8() -> bool {
    let variables = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let set =
        variables.filter_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let is_utf8 = |value: String| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    };
    set.take(1).any(is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> Probe {
        let level = |level: usize, rate: f64, micros: u64| Tried {
            level,
            n_requests: rate as u64,
            rate,
            median: Duration::from_micros(micros),
            slowest: Duration::from_micros(4 * micros),
            is_repeated: level > 2,
        };
        let call = |name, micros| Call {
            name,
            n: 7,
            median: Duration::from_micros(micros),
            slowest: Duration::from_micros(2 * micros),
        };
        Probe {
            levels: vec![
                level(1, 950.0, 1_040),
                level(2, 1_900.0, 1_050),
                level(4, 1_950.0, 2_100),
            ],
            calls: vec![call("open", 2_080), call("statx", 1_040)],
            n_passes: 1,
            time: Duration::from_millis(2_940),
            is_small: false,
            waiting: Vec::new(),
        }
    }

    #[test]
    fn a_probe_is_drawn_as_a_table_with_bars() {
        let expected = "\
probe:        4,800 requests in 2.9 s; 1 at once: open 2.1 ms, statx 1.0 ms
  at once   requests/s       median          p99
        1          950       1.0 ms       4.2 ms  #####
        2        1,900       1.1 ms       4.2 ms  ##########
        4        1,950       2.1 ms       8.4 ms* ##########
best:         2 at once, 1,900 requests/s; more gain less than 10%
note:         * the tree had been read before (1 time): caches may have answered
note:         no more than 2,000 requests/s were made (--max-ops)";
        let shown = draw(&probe(), Some(2000), TABLE_WIDTH + 11, Ink::Plain);
        assert_eq!(shown, expected);
        let blocks = draw(&probe(), None, TABLE_WIDTH + 11, Ink::Blocks);
        let bars: Vec<_> = blocks.lines().skip(2).take(3).map(|line| &line[50..]).collect();
        assert_eq!(bars, ["████▉", "█████████▊", "██████████"]);
        assert!(draw(&probe(), None, 10, Ink::Plain).lines().all(|line| !line.contains('#')));
    }

    #[test]
    fn a_path_with_nothing_below_it_has_no_table() {
        let nothing = Tried { n_requests: 0, rate: 0.0, ..probe().levels[0] };
        let probe = Probe { levels: vec![nothing], calls: vec![], is_small: true, ..probe() };
        let expected = "probe:        0 requests in 2.9 s\nnote:         there is nothing to read below this path";
        assert_eq!(draw(&probe, None, 80, Ink::Plain), expected);
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        let cases = [(900, "900 ns"), (1_500, "1.5 us"), (25_000_000, "25 ms")];
        for (nanos, expected) in cases.into_iter().chain([(3_000_000_000, "3.0 s")]) {
            assert_eq!(time(Duration::from_nanos(nanos)), expected);
        }
    }
}
