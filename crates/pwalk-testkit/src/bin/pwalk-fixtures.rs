//! `pwalk-fixtures`: the fixture trees as a command, for tests that are not Rust.
//!
//! Owns its arguments and messages only.
//!
//! `--rm` takes no folder that it did not make: it removes whatever is in there, so it looks
//! for the mark that the making leaves.

#![forbid(unsafe_code)]

use pwalk_testkit::fixtures::{FIXTURES, Fixture, find};
use pwalk_testkit::remove_tree;
use pwalk_testkit::stuck::StuckTree;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: pwalk-fixtures DIR [NAME...]   makes the fixture trees DIR/NAME (all of them without a name)
       pwalk-fixtures --rm DIR        removes such a folder, whatever is in it
       pwalk-fixtures --list          the names, one a line
       pwalk-fixtures --stuck         mounts a filesystem that doesn't answer, prints where, and
                                      unmounts it at the end of standard input";

/// The file that says that a folder was made here.
const MARK: &str = ".pwalk-fixtures";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let result = match arguments.as_slice() {
        [flag] if *flag == "--list" => list(),
        [flag] if *flag == "--stuck" => stuck(),
        [flag, folder] if *flag == "--rm" => remove(Path::new(folder)),
        [folder, names @ ..] if !folder.as_encoded_bytes().starts_with(b"-") => {
            make(Path::new(folder), names)
        }
        _ => return fail(2, USAGE),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(1, &format!("pwalk-fixtures: {message}")),
    }
}

fn fail(status: u8, message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(status)
}

fn list() -> Result<(), String> {
    FIXTURES.iter().for_each(|fixture| println!("{}", fixture.name));
    Ok(())
}

fn stuck() -> Result<(), String> {
    let tree = StuckTree::mount().map_err(|error| error.to_string())?;
    println!("{}", tree.path().display());
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop).map_err(|error| error.to_string())
}

fn make(folder: &Path, names: &[&OsStr]) -> Result<(), String> {
    let wanted = chosen(names)?;
    said(folder, fs::create_dir_all(folder))?;
    said(folder, fs::write(folder.join(MARK), b""))?;
    for fixture in wanted {
        let path = folder.join(fixture.name);
        said(&path, (fixture.make)(&path))?;
    }
    Ok(())
}

/// All names are checked before the first tree is made.
fn chosen(names: &[&OsStr]) -> Result<Vec<&'static Fixture>, String> {
    if names.is_empty() {
        return Ok(FIXTURES.iter().collect());
    }
    let unknown = |name: &OsStr| format!("no fixture is called {}", name.display());
    let one = |name: &&OsStr| name.to_str().and_then(find).ok_or_else(|| unknown(name));
    names.iter().map(one).collect()
}

/// A folder that is gone already is no error.
fn remove(folder: &Path) -> Result<(), String> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        result => said(folder, result.map(drop))?,
    }
    if !folder.join(MARK).exists() {
        return Err(format!("{}: not made by pwalk-fixtures, left alone", folder.display()));
    }
    said(folder, remove_tree(folder))
}

fn said(path: &Path, result: io::Result<()>) -> Result<(), String> {
    result.map_err(|error| format!("{}: {error}", path.display()))
}
