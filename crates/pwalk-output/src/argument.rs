//! The arguments that describe a table, by the names that errors give them.

use pwalk_engine::Argument;

/// Where a table goes.
pub const OUTPUT: Argument = Argument::new("output", "output");

/// The format of a table.
pub const FORMAT: Argument = Argument::new("format", "format");

/// How a table is compressed.
pub const COMPRESS: Argument = Argument::new("compress", "compression");

/// The columns of a table.
pub const COLUMNS: Argument = Argument::new("columns", "column");
