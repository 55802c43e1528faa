//! Mounts it, and takes it away again.
//!
//! Owns the threads and the mount. The end is rough on purpose: what waits for an answer gets an
//! error at once, and whoever still stands in the mount does not keep it from being unmounted.

use crate::filesystem::{Server, lock};
use crate::seen::Seen;
use crate::service::{Clock, Service};
use crate::tree::Tree;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The file in the root that has the counts, and that a write to sets back to 0. It is in no listing.
pub const STATS_NAME: &str = ".stats";

/// What is mounted.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What stands in it.
    pub tree: Tree,
    /// How long it takes to answer.
    pub service: Service,
    /// How long the kernel may keep an answer. 0 is a server whose clients cache nothing.
    pub cached: Duration,
    /// An inode about which no request is ever answered.
    pub stuck: Option<u64>,
    /// Extended attributes.
    pub attributes: &'static [Attribute],
}

/// An extended attribute of an inode.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// The inode.
    pub ino: u64,
    /// Its name, as in `system.nfs4_acl`.
    pub name: &'static str,
    /// Its value.
    pub value: &'static [u8],
}

impl Options {
    /// A tree, of which nothing is cached, on a server without a limit.
    pub fn new(tree: Tree, time: Duration) -> Options {
        let service = Service::after(time);
        Options { tree, service, cached: Duration::ZERO, stuck: None, attributes: &[] }
    }
}

/// A mounted filesystem; it is unmounted when this is dropped.
pub struct Mounted {
    folder: PathBuf,
    clock: Arc<Clock>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

/// Mounts it on a folder, and serves it from threads of this process. Needs root and `/dev/fuse`.
pub fn mount(folder: &Path, options: Options) -> io::Result<Mounted> {
    let device = Arc::new(mount_device(folder)?);
    let clock = Arc::new(Clock::new(options.service));
    let seen = Arc::new(Mutex::new(Seen::new(options.tree.n_all_dirs())));
    let server = Server { options, clock: clock.clone(), seen: seen.clone(), device };
    let ticking = clock.clone();
    let threads =
        vec![std::thread::spawn(move || ticking.run()), std::thread::spawn(move || server.run())];
    Ok(Mounted { folder: folder.to_owned(), clock, seen, threads })
}

/// The command that mounts it gets the device as its standard input: no other process that is
/// started at the same time inherits it, which would keep a mount alive whose server is dead.
fn mount_device(folder: &Path) -> io::Result<File> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = "fd=0,rootmode=40000,user_id=0,group_id=0,allow_other";
    let mut mount = Command::new("mount");
    mount.args(["-i", "-t", "fuse.slowfs", "-o", options, "slowfs"]).arg(folder);
    let status = mount.stdin(Stdio::from(device.try_clone()?)).status()?;
    if status.success() { Ok(device) } else { Err(io::Error::other("mount has failed")) }
}

/// Mounts it, and returns when somebody has unmounted it.
pub fn serve(folder: &Path, options: Options) -> io::Result<()> {
    let mut mounted = mount(folder, options)?;
    if let Some(serving) = mounted.threads.pop() {
        let _ = serving.join();
    }
    Ok(())
}

impl Mounted {
    /// Where.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// What it has been asked since the last reset.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Sets the counts back to 0.
    pub fn reset(&self) {
        lock(&self.seen).reset();
    }

    /// The end of the server: all that waits for an answer, or asks later, gets an error.
    pub fn abort(&self) {
        let mut unmount = Command::new("umount");
        unmount.args(["-i", "-f", "-l"]).arg(&self.folder);
        // It fails where it has been done before.
        let _ = unmount.stderr(Stdio::null()).status();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.threads.len() > 1 {
            self.abort();
        }
        self.clock.end();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
