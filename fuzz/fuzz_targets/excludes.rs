//! Exclude patterns as users type them: accepted, or refused by name, but no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pwalk_engine::Excludes;

fuzz_target!(|patterns: Vec<String>| {
    if let Err(error) = Excludes::new(&patterns) {
        assert!(!error.reason().is_empty());
        assert!(error.to_string().starts_with("exclude pattern '"));
    }
});
