//! How the system is asked: settings for those who want to compare mechanisms.
//!
//! Owns the one table of them: a row has a setting's name, type, default, range and meaning, and
//! the function that says what becomes of it. The fields of [`Settings`], [`SETTINGS`] and
//! Python's `Config` follow from it. What the settings do stands in `settings/apply.rs`.
//!
//! The defaults are what measured best. What measured as useless or worse is off, and does what
//! its name says when it is switched on.

mod apply;
mod effect;

pub use effect::Effective;

use crate::error::Error;
use crate::threads::THREADS_MAX;
use effect::Situation;
use pwalk_engine::Argument;
use std::fmt;

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch.
    Switch(bool),
    /// A number.
    Number(u64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Switch(value) => value.fmt(f),
            Value::Number(value) => value.fmt(f),
        }
    }
}

/// Which values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// On or off.
    Switch,
    /// A number: the smallest and the largest.
    Number(u64, u64),
}

/// A row of the table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name: the field of [`Settings`], and of Python's `Config`.
    pub name: &'static str,
    /// Which values it takes.
    pub range: Range,
    /// What it means.
    pub doc: &'static str,
    get: fn(&Settings) -> Option<Value>,
    set: fn(&mut Settings, Value),
    effect: fn(&Situation<'_>) -> (Value, String),
}

impl Setting {
    /// Its default value; `None` where the walk chooses one.
    pub fn default(&self) -> Option<Value> {
        (self.get)(&Settings::default())
    }

    fn check(&self, value: Value) -> Result<(), Error> {
        let reason = match (self.range, value) {
            (Range::Switch, Value::Switch(_)) => return Ok(()),
            (Range::Number(min, max), Value::Number(n)) if (min..=max).contains(&n) => {
                return Ok(());
            }
            (Range::Switch, _) => "must be true or false".to_owned(),
            (Range::Number(min, max), _) => format!("must be a whole number from {min} to {max}"),
        };
        Err(Error::bad(Argument::new(self.name, self.name), value.to_string(), reason))
    }
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $range:expr;)+) => {
        /// Settings of a walk. [`Settings::effective`] says which value of each is used.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Settings { $($name: $default,)+ }
            }
        }

        /// Every setting.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            range: $range,
            doc: concat!($($doc),+).trim_ascii(),
            get: |settings| settings.$name.to_value(),
            set: |settings, value| settings.$name = Field::from_value(value),
            effect: effect::$name,
        },)+];
    };
}

const SWITCH: Range = Range::Switch;
const THREADS: Range = Range::Number(1, THREADS_MAX as u64);
const SIZE_MAX: u64 = 1 << 40;

/// More requests per second than this are assumed to be a typing mistake.
pub const OPS_MAX: u64 = 1_000_000_000;

/// A timeout of more seconds, a year, is assumed to be a typing mistake.
pub const TIMEOUT_MAX: u64 = 366 * 24 * 3600;

settings! {
    /// The minimum number of worker threads, whatever the filesystem and the cores suggest.
    min_threads: Option<usize> = None, THREADS;
    /// The maximum number of worker threads.
    max_threads: Option<usize> = None, THREADS;
    /// The maximum number of requests per second, as a server counts them.
    max_ops: Option<usize> = None, Range::Number(1, OPS_MAX);
    /// Gives up requests that are not answered within this many seconds.
    timeout: Option<usize> = None, Range::Number(1, TIMEOUT_MAX);
    /// Gives way to other processes: the lowest CPU and I/O priority.
    nice: bool = false, SWITCH;
    /// As many workers as cores have a deque, and idle ones steal; else all share one queue.
    work_stealing: bool = true, SWITCH;
    /// Binds each worker to a core.
    cpu_affinity: bool = false, SWITCH;
    /// Binds each worker to the cores of a NUMA node, in turn.
    numa_aware: bool = false, SWITCH;
    /// Asks for memory of the node that a worker runs on.
    prefer_local_numa: bool = false, SWITCH;
    /// Reads names with getdents64 into a large buffer; else with readdir(3).
    use_getdents: bool = true, SWITCH;
    /// Reads inodes with statx; else with fstatat.
    use_statx: bool = true, SWITCH;
    /// Opens directories with O_DIRECT where the kernel allows it.
    use_o_direct: bool = false, SWITCH;
    /// Announces that this many KiB of each directory will be read; 0: does not.
    readahead_kb: u64 = 0, Range::Number(0, SIZE_MAX);
    /// Reads inodes with statx through an io_uring, a slice at once; not with `max_ops`.
    use_io_uring: bool = false, SWITCH;
    /// Writes outputs through a memory map.
    use_mmap: bool = false, SWITCH;
    /// MiB that a scan holds in memory before it spills.
    buffer_size_mb: u64 = 512, Range::Number(1, SIZE_MAX);
    /// Detects the filesystem; else it is treated as a local disk.
    detect_filesystem: bool = true, SWITCH;
    /// Uses the filesystem's row of the table of tunings; else that of a local disk.
    auto_tune: bool = true, SWITCH;
}

impl Settings {
    /// Sets one by its name.
    ///
    /// # Errors
    ///
    /// `Argument` if there is no such setting, or it doesn't take this value.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), Error> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            return Err(Error::bad(Argument::new("settings", "setting"), name, "no such setting"));
        };
        setting.check(value)?;
        (setting.set)(self, value);
        Ok(())
    }
}

/// The type of a setting.
trait Field {
    fn to_value(&self) -> Option<Value>;

    /// From a value that was checked.
    fn from_value(value: Value) -> Self;
}

impl Field for bool {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Switch(*self))
    }

    fn from_value(value: Value) -> bool {
        matches!(value, Value::Switch(true) | Value::Number(1..))
    }
}

impl Field for u64 {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Number(*self))
    }

    fn from_value(value: Value) -> u64 {
        match value {
            Value::Switch(value) => value.into(),
            Value::Number(value) => value,
        }
    }
}

impl Field for Option<usize> {
    fn to_value(&self) -> Option<Value> {
        self.map(|value| Value::Number(value as u64))
    }

    fn from_value(value: Value) -> Option<usize> {
        usize::try_from(u64::from_value(value)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_can_be_set_by_its_name_to_what_it_takes_and_to_nothing_else() {
        for setting in SETTINGS {
            let (good, bad) = match setting.range {
                Range::Switch => {
                    let is_on = setting.default() == Some(Value::Switch(true));
                    (Value::Switch(!is_on), Value::Number(1))
                }
                Range::Number(_, max) => (Value::Number(max), Value::Number(max + 1)),
            };
            let mut settings = Settings::default();
            settings.set(setting.name, good).unwrap();
            assert_eq!((setting.get)(&settings), Some(good));
            assert_ne!(settings, Settings::default());
            assert_eq!(settings.set(setting.name, bad).unwrap_err().argument(), Some(setting.name));
            assert!(!setting.doc.is_empty() && !setting.doc.starts_with(' '));
        }
    }

    #[test]
    fn an_unknown_setting_is_an_error() {
        let error = Settings::default().set("nope", Value::Switch(true)).unwrap_err();
        assert_eq!(error.to_string(), "setting 'nope': no such setting");
    }
}
