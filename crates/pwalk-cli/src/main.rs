//! The `pwalk` command: a thin binary over the library, which the Python package runs too.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// So that a lack of memory is an error of a job, and not the end of the process.
#[global_allocator]
static ALLOCATOR: pwalk::Reserve = pwalk::Reserve;

fn main() -> ExitCode {
    ExitCode::from(pwalk_cli::run(std::env::args_os()))
}
