//! One line in the system's log for each change, in the form of RFC 3164 that `/dev/log` takes.
//!
//! Never waits: a log that is full or not there loses lines, and that is said.

use super::plan::{Change, octal};
use std::fmt::Write;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The socket of the system's log.
pub(crate) const SOCKET: &str = "/dev/log";

/// Facility `user`, severity `notice`.
const PRIORITY: u32 = 8 + 5;

/// Bytes of a path that are logged, so that a line fits into what logs take.
const PATH_LEN_MAX: usize = 700;

/// The system's log.
pub(crate) struct Syslog {
    socket: io::Result<UnixDatagram>,
    n_lost: AtomicU64,
}

impl Syslog {
    pub(crate) fn open(path: &Path) -> Syslog {
        let open = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            socket.connect(path)?;
            Ok(socket)
        };
        Syslog { socket: open(), n_lost: AtomicU64::new(0) }
    }

    /// Logs that a change was made.
    pub(crate) fn log(&self, change: &Change, verb: &str) {
        let sent = match &self.socket {
            Ok(socket) => socket.send(line(change, verb).as_bytes()).is_ok(),
            Err(_) => false,
        };
        if !sent {
            self.n_lost.fetch_add(1, Relaxed);
        }
    }

    /// Lines that were lost, and why, if any were.
    pub(crate) fn lost(&self) -> Option<String> {
        let n_lost = self.n_lost.load(Relaxed);
        let why = match &self.socket {
            Ok(_) => "the log does not take more".to_owned(),
            Err(error) => pwalk_engine::Errno::from_io(error).to_string(),
        };
        let changes = if n_lost == 1 { "change is" } else { "changes are" };
        (n_lost > 0).then(|| format!("{SOCKET}: {n_lost} {changes} not in the log: {why}"))
    }
}

fn line(change: &Change, verb: &str) -> String {
    let Change { path, id, uid, old, new, .. } = change;
    let path = path[..path.len().min(PATH_LEN_MAX)].escape_ascii();
    let (old_mode, new_mode) = (octal(old.mode), octal(new.mode));
    let (old_gid, new_gid) = (old.gid, new.gid);
    let pid = std::process::id();
    let mut line = format!("<{PRIORITY}>pwalk[{pid}]: {verb} path=\"{path}\"");
    let _ = write!(
        line,
        " dev={} inode={} uid={uid} mode={old_mode}->{new_mode} gid={old_gid}->{new_gid}",
        id.dev, id.ino
    );
    if new.acl.is_some() {
        line.push_str(" acl=changed");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repair::plan::Rights;
    use pwalk_engine::{FileId, Kind};

    fn change() -> Change {
        let rights = |mode, gid| Rights { mode, gid, acl: None };
        Change {
            path: b"/data/a \"b\"\n\xff".to_vec(),
            id: FileId { dev: 5, ino: 7 },
            ctime: None,
            btime: None,
            kind: Kind::File,
            uid: 1000,
            old: rights(0o600, 1000),
            new: rights(0o640, 50),
            reason: "group+read".to_owned(),
        }
    }

    #[test]
    fn a_change_is_one_line_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = UnixDatagram::bind(&path).unwrap();
        Syslog::open(&path).log(&change(), "repaired");
        let mut bytes = [0; 2000];
        let n_bytes = log.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..n_bytes]).unwrap();
        let (_, text) = text.split_once("]: ").unwrap();
        let expected = r#"repaired path="/data/a \"b\"\n\xff" dev=5 inode=7 uid=1000 mode=0600->0640 gid=1000->50"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn a_log_that_is_full_or_not_there_loses_lines_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let none = Syslog::open(&path);
        assert_eq!(none.lost(), None);
        none.log(&change(), "repaired");
        assert!(none.lost().unwrap().contains("1 change is not in the log: No such file"));
        let _log = UnixDatagram::bind(&path).unwrap();
        let full = Syslog::open(&path);
        (0..100_000).for_each(|_| full.log(&change(), "repaired"));
        assert!(full.lost().is_some());
    }
}
