//! The command: mounts the slow filesystem, and serves it until it is unmounted.

use pwalk_slowfs::{KINDS, Options, Tree, serve};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: slowfs MOUNTPOINT [OPTION VALUE]...\n\
    Mounts a filesystem that answers slowly, and serves it until it is unmounted.\n\
    --dirs N       directories in the root (default 500)\n\
    --files N      files in each of them (default 100)\n\
    --depth N      levels of directories; each but the lowest holds --dirs of them (default 1)\n\
    --ms MS        milliseconds that a request takes (default 1)\n\
    --lookup-ms, --getattr-ms, --opendir-ms, --readdir-ms, --releasedir-ms, --statfs-ms MS\n\
    \x20              the same for one kind of request, after --ms\n\
    --jitter F     0.3: each takes between 0.7 and 1.3 of its time (default 0)\n\
    --capacity N   requests served at a time; the others queue (default 0: no limit)\n\
    --cached S     seconds that the kernel may keep an answer (default 0)\n\
    --stuck PATH   d00001/f00002: requests about it are never answered\n\
    The file .stats in it has the counts; writing to it sets them back to 0.\n";

fn parse(mut args: impl Iterator<Item = String>) -> Option<(PathBuf, Options)> {
    let folder = args.next().filter(|folder| !folder.starts_with('-'))?;
    let mut options = Options::new(Tree::flat(500, 100), Duration::from_millis(1));
    let mut stuck = None;
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--dirs" => options.tree.n_dirs = value.parse().ok()?,
            "--files" => options.tree.n_files = value.parse().ok()?,
            "--depth" => options.tree.depth = value.parse().ok()?,
            "--ms" => options.service.times = [seconds(&value, 1e-3)?; KINDS.len()],
            "--jitter" => options.service.jitter = value.parse().ok()?,
            "--capacity" => options.service.capacity = value.parse().ok()?,
            "--cached" => options.cached = seconds(&value, 1.0)?,
            "--stuck" => stuck = Some(value),
            _ => options.service.times[kind(&name)?] = seconds(&value, 1e-3)?,
        }
    }
    if let Some(path) = stuck {
        options.stuck = Some(options.tree.find(&path)?);
    }
    Some((folder.into(), options))
}

/// The kind of request in `--lookup-ms`.
fn kind(name: &str) -> Option<usize> {
    let name = name.strip_prefix("--")?.strip_suffix("-ms")?;
    KINDS.iter().position(|(_, known)| *known == name)
}

fn seconds(value: &str, unit: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value.parse::<f64>().ok()? * unit).ok()
}

fn main() -> ExitCode {
    let Some((folder, options)) = parse(std::env::args().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match serve(&folder, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slowfs: cannot mount on {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
