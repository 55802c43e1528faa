//! The `pwalk` command: a thin binary over the library, which the Python package runs too.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pwalk_cli::run(std::env::args_os()))
}
