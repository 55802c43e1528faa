//! `pwalk info`.

use crate::args::InfoArgs;
use crate::exit::Exit;
use crate::message;
use crate::words;
use pwalk::{Error, Info};
use serde_json::json;

pub(crate) fn run(args: &InfoArgs) -> Result<Exit, Error> {
    let info = Info::of(&args.path, args.threads)?;
    if args.json {
        message::print(as_json(&info))?;
    } else {
        message::print(as_text(&info))?;
    }
    Ok(Exit::Complete)
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
        "threads_reason": info.threads.reason,
        "cores": info.threads.n_cores,
        "slice_len": tuning.slice_len,
        "buffer_bytes": tuning.buffer_bytes,
    })
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
    let fields = [
        ("path", info.path.display().to_string()),
        ("filesystem", format!("{} (magic 0x{:x})", info.kind, info.filesystem.magic)),
        ("mount type", mount_field(info, |mount| mount.fs_type.clone()).unwrap_or_else(unknown)),
        ("mount point", mount_field(info, |mount| lossy(&mount.point)).unwrap_or_else(unknown)),
        ("source", mount_field(info, |mount| lossy(&mount.source)).unwrap_or_else(unknown)),
        ("access times", access_times(info)),
        ("inodes", inodes),
        ("threads", format!("{} ({})", info.threads.count, info.threads.reason)),
        ("slices", format!("{} entries of a directory at a time", tuning.slice_len)),
        ("buffer", format!("{} KiB of directory entries per call", tuning.buffer_bytes >> 10)),
    ];
    let lines = fields
        .map(|(name, value)| format!("{:<13} {}", format!("{name}:"), message::one_line(&value)));
    lines.join("\n")
}
