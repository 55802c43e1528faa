//! The mount table of this process, /proc/self/mountinfo. Source: proc_pid_mountinfo(5).
//!
//! Read before a walk, so that a dead mount can be left out without being touched.

use crate::errno::Errno;

/// One mounted filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path of the mount point.
    pub point: Vec<u8>,
    /// The filesystem's device, `major:minor`. Two mounts of one filesystem have the same.
    pub device: String,
    /// What of the filesystem is mounted: `/` is all of it.
    pub root: Vec<u8>,
    /// The options of this mount, comma-separated: `rw,noatime`.
    pub options: String,
    /// The type's name: `ext4`, `nfs4`, `fuse.sshfs`.
    pub fs_type: String,
    /// The device or export, as mount(8) shows it.
    pub source: Vec<u8>,
    /// The options of the filesystem, comma-separated: `rw,lowerdir=/a:/b`.
    pub fs_options: Vec<u8>,
}

impl Mount {
    /// The device as st_dev has it.
    pub fn device(&self) -> Option<u64> {
        let (major, minor) = self.device.split_once(':')?;
        Some(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// All mounts that this process sees, in the order in which they were made.
pub fn mounts() -> Result<Vec<Mount>, Errno> {
    let bytes = std::fs::read("/proc/self/mountinfo").map_err(|error| Errno::from_io(&error))?;
    Ok(parse_mountinfo(&bytes))
}

/// Parses the text of mountinfo; lines that don't follow the format are passed over.
pub fn parse_mountinfo(bytes: &[u8]) -> Vec<Mount> {
    bytes.split(|&byte| byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let device = String::from_utf8_lossy(fields.nth(2)?).into_owned();
    let root = unescape(fields.next()?);
    let point = unescape(fields.next()?);
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    // Optional fields stand between the options and a lone dash.
    fields.find(|field| field == b"-")?;
    let fs_type = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = unescape(fields.next()?);
    let fs_options = unescape(fields.next().unwrap_or_default());
    Some(Mount { point, device, root, options, fs_type, source, fs_options })
}

/// Undoes the kernel's escapes of space, tab, newline and backslash: `\040`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = octal(rest);
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &rest[4..] } else { tail };
    }
    bytes
}

fn octal(rest: &[u8]) -> Option<u8> {
    let [b'\\', digits @ ..] = rest.first_chunk::<4>()? else { return None };
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_optional_fields_are_understood() {
        let text = br"36 35 98:0 / /mnt/a\040b\134 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue
garbage
1 1 0:1 /sub / rw - tmpfs none rw
";
        let expected = [
            ("/mnt/a b\\", "98:0", "/", "rw,noatime", "ext3", "/dev/root", "rw,errors=continue"),
            ("/", "0:1", "/sub", "rw", "tmpfs", "none", "rw"),
        ]
        .map(|(point, device, root, options, fs_type, source, fs_options)| Mount {
            point: point.into(),
            device: device.into(),
            root: root.into(),
            options: options.into(),
            fs_type: fs_type.into(),
            source: source.into(),
            fs_options: fs_options.into(),
        });
        assert_eq!(parse_mountinfo(text), expected);
    }

    #[test]
    fn this_process_has_a_root_mount() {
        assert!(mounts().unwrap().iter().any(|mount| mount.point == b"/"));
    }
}
