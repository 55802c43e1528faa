//! The floor of a repair: fchownat and fchmodat for each file of one open directory, and nothing else.
//!
//! Names are listed before. Prints the number of files and the seconds of the loop.

#![forbid(unsafe_code)]

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags};
use std::ffi::CString;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: change DIR GID MODE\n\
    Gives all files in DIR the group GID and the mode MODE (octal), one after the other.\n";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, gid, mode] = &args[..] else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let (Ok(gid), Ok(mode)) = (gid.parse(), u32::from_str_radix(mode, 8)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match change(dir, Gid::from_raw(gid), Mode::from_raw_mode(mode)) {
        Ok((n_files, seconds)) => {
            println!("{n_files} {seconds:.3}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("change: {dir}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn change(path: &str, gid: Gid, mode: Mode) -> rustix::io::Result<(usize, f64)> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        if entry.file_type() == rustix::fs::FileType::RegularFile {
            names.push(entry.file_name().to_owned());
        }
    }
    let clock = Instant::now();
    for name in &names {
        rustix::fs::chownat(&dir, name, None, Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        rustix::fs::chmodat(&dir, name, mode, AtFlags::empty())?;
    }
    Ok((names.len(), clock.elapsed().as_secs_f64()))
}
