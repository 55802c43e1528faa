//! A filesystem that doesn't answer: a directory with one entry that nobody gets the inode of.
//!
//! Owns the few requests of FUSE that are needed to get so far, written by hand: a library for
//! them would be the largest dependency of the tests. The kernel waits for an answer without end
//! and can't be interrupted, as on a hard NFS mount whose server is gone.

use rustix::fs::OFlags;
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// The name of the entry that never answers.
pub const STUCK_NAME: &str = "stuck";

/// A mounted filesystem that doesn't answer. When it is dropped, all that waits for it gets an
/// error, and it is unmounted.
#[derive(Debug)]
pub struct StuckTree {
    folder: TempDir,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody has asked for the entry.
    is_asked: AtomicBool,
    is_over: AtomicBool,
}

impl StuckTree {
    /// Mounts it. Needs root and `/dev/fuse`.
    pub fn mount() -> io::Result<StuckTree> {
        let folder = tempfile::tempdir()?;
        let flags = OFlags::NONBLOCK.bits() as i32;
        let mut options = OpenOptions::new();
        let device = options.read(true).write(true).custom_flags(flags).open("/dev/fuse")?;
        // The command that mounts it gets the descriptor.
        fcntl_setfd(&device, FdFlags::empty())?;
        let fd = device.as_raw_fd();
        let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0");
        let mut mount = Command::new("mount");
        mount.args(["-i", "-t", "fuse", "-o", &options, "stuck"]).arg(folder.path());
        let is_mounted = mount.status()?.success();
        fcntl_setfd(&device, FdFlags::CLOEXEC)?;
        if !is_mounted {
            return Err(io::Error::other("mount failed"));
        }
        let state = Arc::<State>::default();
        let seen = state.clone();
        let server = Some(std::thread::spawn(move || serve(device, &seen)));
        Ok(StuckTree { folder, state, server })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The entry that never answers.
    pub fn stuck_path(&self) -> PathBuf {
        self.path().join(STUCK_NAME)
    }

    /// True once somebody waits for the entry.
    pub fn is_asked(&self) -> bool {
        self.state.is_asked.load(SeqCst)
    }
}

impl Drop for StuckTree {
    fn drop(&mut self) {
        // Lazily, since somebody may still stand in it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
        self.state.is_over.store(true, SeqCst);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Numbers of requests, from `linux/fuse.h`.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const STATFS: u32 = 17;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;

/// Bytes of the header of a request.
const HEADER_LEN: usize = 40;

/// Answers requests until it is told to stop. Then the kernel ends those that wait.
fn serve(mut device: File, state: &State) {
    let mut request = vec![0; 1 << 20];
    while !state.is_over.load(SeqCst) {
        match device.read(&mut request) {
            Ok(len) if len >= HEADER_LEN => answer(&mut device, &request[..len], state),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn answer(device: &mut File, request: &[u8], state: &State) {
    let number = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("4 bytes"));
    let body = match number(4) {
        LOOKUP => return state.is_asked.store(true, SeqCst),
        FORGET => return,
        INIT => Ok(init()),
        GETATTR => Ok(attributes()),
        OPENDIR => Ok(vec![0; 16]),
        // A request has its offset behind the handle.
        READDIR if number(HEADER_LEN + 8) == 0 => Ok(entry()),
        READDIR | RELEASEDIR => Ok(Vec::new()),
        STATFS => Ok(vec![0; 80]),
        _ => Err(Errno::NOSYS),
    };
    let error = body.as_ref().err().map_or(0, |errno| -errno.raw_os_error());
    let body = body.unwrap_or_default();
    let len = (16 + body.len()) as u32;
    let unique = &request[8..16];
    let reply = [&len.to_ne_bytes()[..], &error.to_ne_bytes(), unique, &body].concat();
    let _ = device.write_all(&reply);
}

/// Version 7.31, and nothing that is optional.
fn init() -> Vec<u8> {
    let mut body: Vec<u8> = [7_u32, 31, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
    body.extend([0; 4]);
    body.extend(4096_u32.to_ne_bytes());
    body.resize(64, 0);
    body
}

/// Of the directory: inode 1, mode 0755, two links.
fn attributes() -> Vec<u8> {
    let mut body = vec![0; 16];
    body.extend(1_u64.to_ne_bytes());
    body.resize(16 + 60, 0);
    body.extend([0o040_755_u32, 2].into_iter().flat_map(u32::to_ne_bytes));
    body.resize(16 + 88, 0);
    body
}

/// The one entry of the directory, which is one, too.
fn entry() -> Vec<u8> {
    let mut body: Vec<u8> = [2_u64, 1].into_iter().flat_map(u64::to_ne_bytes).collect();
    body.extend([STUCK_NAME.len() as u32, 4].into_iter().flat_map(u32::to_ne_bytes));
    body.extend(STUCK_NAME.as_bytes());
    body.resize(body.len().next_multiple_of(8), 0);
    body
}
