//! An automounter that mounts nothing, and knows whether it was asked to.
//!
//! Owns two mounts of autofs: an indirect one, with a directory that stands for a mount, and a direct
//! one, which is such a directory itself. Whoever opens one of these waits for the automounter.
//! So that a test fails and does not hang, that ends the process. Two directories of the indirect
//! one have been mounted already, the second a level deeper.

use rustix::io::{FdFlags, fcntl_setfd};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The automounter's mounts; when it is dropped, they are unmounted.
#[derive(Debug)]
pub struct Automounter {
    folder: TempDir,
}

/// What one of the automounter's own process group does: others may not.
const SCRIPT: &str = "cd \"$0\" && mkdir indirect direct &&
    options=fd=$1,pgrp=$$,minproto=5,maxproto=5 &&
    mount -i -t autofs -o $options,indirect test indirect && cd indirect &&
    mkdir -p ghost filled host/export &&
    for i in filled host/export; do mount -t tmpfs test $i && touch $i/file || exit; done &&
    cd .. &&
    mount -i -t autofs -o $options,direct test direct";

impl Automounter {
    /// Mounts both. Needs the right to mount.
    pub fn mount() -> io::Result<Automounter> {
        let folder = tempfile::tempdir()?;
        let (mut requests, mounted) = io::pipe()?;
        fcntl_setfd(&mounted, FdFlags::empty())?;
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(folder.path()).arg(mounted.as_raw_fd().to_string());
        if !shell.process_group(0).status()?.success() {
            return Err(io::Error::other("mount failed"));
        }
        drop(mounted);
        std::thread::spawn(move || {
            if matches!(requests.read(&mut [0; 512]), Ok(1..)) {
                eprintln!("the automounter was asked to mount something");
                std::process::exit(1);
            }
        });
        Ok(Automounter { folder })
    }

    /// The folder with the two mounts.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The directories that stand for mounts.
    pub fn triggers(&self) -> [PathBuf; 2] {
        ["indirect/ghost", "direct"].map(|name| self.path().join(name))
    }
}

impl Drop for Automounter {
    fn drop(&mut self) {
        for name in ["indirect", "direct"] {
            let _ = Command::new("umount").arg("-l").arg(self.path().join(name)).status();
        }
    }
}
