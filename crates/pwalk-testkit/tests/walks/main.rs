//! The oracle against find, on every fixture and with every option.

mod find;
mod fixtures;
mod options;
