//! `pwalk info`.

use crate::args::InfoArgs;
use crate::exit::Exit;
use crate::message;
use crate::probe;
use crate::signals::Cancellable;
use crate::words;
use pwalk::{Error, Info, MountsBelow, Probe, ServedBy, Settings};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Mount points that are named for each filesystem below the path.
const N_SHOWN: usize = 3;

/// A path that does not answer for so long is named.
const HANGS: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &InfoArgs) -> Result<Exit, Error> {
    let signals = Cancellable::listen();
    let Some(seconds) = args.probe else {
        let info = said_if_slow(&args.path, || {
            signals.look_at([&args.path], None)?;
            Info::of(&args.path, args.threads)
        })?;
        print(args, &info, None)?;
        return Ok(Exit::Complete);
    };
    let time = Duration::from_secs(seconds);
    signals.look_at([&args.path], Some(time))?;
    let info = Info::of(&args.path, args.threads)?;
    signals.prepared(Arc::default(), true);
    if !args.json {
        message::print(as_text(&info))?;
    }
    let settings = Settings { max_ops: args.max_ops, nice: args.nice, ..Settings::default() };
    let probe = probe::run(&info, time, settings, &signals.control)?;
    print(args, &info, Some(&probe))?;
    Ok(Exit::of_result(probe.waiting.is_empty()))
}

/// Asks, and says what is waited for if that takes long.
fn said_if_slow<T>(path: &Path, ask: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (answered, answers) = channel::<()>();
        let watch = move || {
            if answers.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
                message::say(format!("{}: no answer yet; Ctrl-C ends the wait", path.display()));
            }
        };
        // Without a thread nobody says it.
        let _ = std::thread::Builder::new().spawn_scoped(scope, watch);
        let answer = ask();
        drop(answered);
        answer
    })
}

/// All as JSON, or what of the text was not printed yet.
fn print(args: &InfoArgs, info: &Info, probe: Option<&Probe>) -> Result<(), Error> {
    match probe {
        _ if args.json => {
            let mut all = as_json(info);
            if let Some(probe) = probe {
                all["probe"] = probe::as_json(probe);
            }
            message::print(all)
        }
        None => message::print(as_text(info)),
        Some(probe) => message::print(probe::as_text(probe, args.max_ops)),
    }
}

fn mount_field(info: &Info, of: impl Fn(&pwalk::Mount) -> String) -> Option<String> {
    info.filesystem.mount.as_ref().map(of)
}

/// What a time of the last access is worth, by the options of the mount.
fn access_times(info: &Info) -> String {
    let Some(mount) = &info.filesystem.mount else { return "unknown (no mount table)".to_owned() };
    let has = |option: &str| mount.options.split(',').any(|known| known == option);
    let options = ["ro", "noatime", "relatime", "nodiratime"].into_iter();
    let options = options.filter(|option| has(option)).collect::<Vec<_>>().join(", ");
    let worth = match () {
        () if info.kind.is_remote() => "kept by the server, or not at all",
        () if has("ro") || has("noatime") => "not kept: st_atime doesn't tell when a file was read",
        () if has("relatime") => "to within a day: later reads on the same day aren't recorded",
        () => "kept at every read",
    };
    if options.is_empty() { worth.to_owned() } else { format!("{worth} ({options})") }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn as_json(info: &Info) -> serde_json::Value {
    let tuning = &info.kind.tuning;
    json!({
        "path": info.path.to_string_lossy(),
        "filesystem": info.kind.name,
        "magic": info.filesystem.magic,
        "mount_type": mount_field(info, |mount| mount.fs_type.clone()),
        "mount_point": mount_field(info, |mount| lossy(&mount.point)),
        "source": mount_field(info, |mount| lossy(&mount.source)),
        "mount_options": mount_field(info, |mount| mount.options.clone()),
        "inodes_used": info.filesystem.n_inodes_used(),
        "inodes": info.filesystem.n_inodes_used().map(|_| info.filesystem.n_inodes),
        "threads": info.threads.count,
        "threads_max": info.workers_max(),
        "threads_reason": info.threads.reason,
        "cores": info.threads.n_cores,
        "slice_len": tuning.slice_len,
        "buffer_bytes": tuning.buffer_bytes,
        "attributes": attributes(info),
        "noatime": tuning.asking.opens_quietly,
        "mounts_below": info.below.iter().map(below_as_json).collect::<Vec<_>>(),
    })
}

/// How fresh they are.
fn attributes(info: &Info) -> &'static str {
    if info.kind.tuning.asking.takes_cached { "cached" } else { "as stat(2)" }
}

fn below_as_json(below: &MountsBelow) -> serde_json::Value {
    json!({
        "filesystem": below.kind,
        "mount_points": below.points.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "threads": below.workers.0,
        "threads_max": below.workers.1,
        "shares_threads": below.is_shared,
        "entered": below.served_by != ServedBy::Automounter,
    })
}

/// `NFS (/data/a, /data/b): 8 threads of their own to begin with, at most 512`
fn below_as_text(info: &Info, below: &MountsBelow) -> String {
    let mut points: Vec<_> =
        below.points.iter().take(N_SHOWN).map(|path| path.display().to_string()).collect();
    let n_more = below.points.len().saturating_sub(N_SHOWN);
    if n_more > 0 {
        points.push(format!("and {n_more} more"));
    }
    // With a fixed number there is but one pool.
    let is_fixed = info.threads.max == info.threads.count;
    let workers = match below.served_by {
        ServedBy::Automounter => "not entered, unless something is mounted there".to_owned(),
        _ if below.is_shared || is_fixed => "walked by the same threads".to_owned(),
        _ => format!(
            "threads of its own, {} to begin with, at most {}",
            below.workers.0, below.workers.1
        ),
    };
    format!("{} ({}): {workers}", below.kind, points.join(", "))
}

fn as_text(info: &Info) -> String {
    let unknown = || "unknown (no mount table)".to_owned();
    let tuning = &info.kind.tuning;
    let inodes = match info.filesystem.n_inodes_used() {
        Some(used) => {
            let all = info.filesystem.n_inodes;
            format!("{} of {} in use", words::count(used), words::count(all))
        }
        None => "not counted by this filesystem".to_owned(),
    };
    let attributes = match tuning.asking.takes_cached {
        true => "those that came with the name (AT_STATX_DONT_SYNC), unless --strict is given",
        false => "as stat(2) returns them",
    };
    let opening = match tuning.asking.opens_quietly {
        true => "with O_NOATIME where that is allowed",
        false => "without O_NOATIME, which would have no effect",
    };
    let mut fields = vec![
        ("path", info.path.display().to_string()),
        ("filesystem", format!("{} (magic 0x{:x})", info.kind, info.filesystem.magic)),
        ("mount type", mount_field(info, |mount| mount.fs_type.clone()).unwrap_or_else(unknown)),
        ("mount point", mount_field(info, |mount| lossy(&mount.point)).unwrap_or_else(unknown)),
        ("source", mount_field(info, |mount| lossy(&mount.source)).unwrap_or_else(unknown)),
        ("access times", access_times(info)),
        ("inodes", inodes),
        ("threads", format!("{} ({})", info.threads.count, info.threads.reason)),
        ("maximum", maximum(info)),
        ("slices", format!("{} entries of a directory at a time", tuning.slice_len)),
        ("buffer", format!("{} KiB of directory entries per call", tuning.buffer_bytes >> 10)),
        ("attributes", attributes.to_owned()),
        ("opened", opening.to_owned()),
    ];
    let below = info.below.iter().map(|below| below_as_text(info, below));
    fields.extend(below.map(|below| ("mounts below", below)));
    let line = |(name, value): &(&str, String)| {
        format!("{:<13} {}", format!("{name}:"), message::one_line(value))
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How far the number of threads may rise.
fn maximum(info: &Info) -> String {
    match info.workers_max() {
        max if max > info.threads.count => {
            format!("{max} threads, if measurements show a gain")
        }
        max => format!("{max}: the number is fixed"),
    }
}
