//! Makes the page of a profile that is given as JSON: for the tests of the page in a browser, which
//! have profiles that no tree has.
//!
//!     cargo run --package pwalk-output --example page < profile.json > profile.html

use std::io;

fn main() -> io::Result<()> {
    let profile = serde_json::from_reader(io::stdin().lock())?;
    pwalk_output::page::write(&profile, io::stdout().lock())
}
