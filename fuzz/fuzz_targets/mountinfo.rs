//! The parser of /proc/self/mountinfo: no panic over any bytes, and what the kernel escapes
//! comes back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pwalk_sys::parse_mountinfo;

fuzz_target!(|bytes: &[u8]| {
    let n_lines = bytes.split(|&byte| byte == b'\n').count();
    assert!(parse_mountinfo(bytes).len() <= n_lines);

    // A field is never empty in what the kernel writes, so these begin with a letter.
    let (point, source) = bytes.split_at(bytes.len() / 2);
    let (point, source) = ([b"/", point].concat(), [b"s", source].concat());
    let line = [
        b"36 35 98:0 / ".as_slice(),
        &escape(&point),
        b" rw,noatime shared:1 - fuse.x ",
        &escape(&source),
        b" rw\n",
    ];
    let mounts = parse_mountinfo(&line.concat());
    assert_eq!(mounts.len(), 1);
    assert_eq!((&mounts[0].point, &mounts[0].source), (&point, &source));
    assert_eq!(mounts[0].fs_type, "fuse.x");
});

/// What the kernel does to space, tab, line end and backslash (and to `#` since Linux 6).
fn escape(field: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    for &byte in field {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => {
                escaped.extend_from_slice(format!("\\{byte:03o}").as_bytes());
            }
            _ => escaped.push(byte),
        }
    }
    escaped
}
