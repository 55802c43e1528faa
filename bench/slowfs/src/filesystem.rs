//! What the kernel asks, and what it gets.
//!
//! Owns the answers; when they are given is up to the [`Clock`]. `.stats` is answered at once and
//! not counted, so that looking at the counts does not change them.

use crate::mounted::{Attribute, Options, STATS_NAME};
use crate::seen::{Kind, Seen};
use crate::service::Clock;
use crate::tree::ROOT;
use crate::wire::{self, Inode, Listing, Request, opcode};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The inode of `.stats`, and bytes that are more than its text.
const STATS: u64 = u64::MAX - 1;
const STATS_SIZE: u64 = 4096;

/// The time that all inodes have, in seconds.
const TIME: u64 = 1_700_000_000;

const DIR_MODE: u32 = 0o040_755;
const FILE_MODE: u32 = 0o100_644;

/// Serves one mount.
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) clock: Arc<Clock>,
    pub(crate) seen: Arc<Mutex<Seen>>,
    /// Where requests are read, and answers written.
    pub(crate) device: Arc<File>,
}

impl Server {
    /// Answers until it is unmounted.
    pub(crate) fn run(&self) {
        let mut bytes = vec![0; wire::REQUEST_MAX];
        loop {
            match (&*self.device).read(&mut bytes) {
                Ok(len) => {
                    if let Some(request) = Request::parse(&bytes[..len]) {
                        self.serve(&request);
                    }
                }
                // A request that was taken back, or a signal.
                Err(error) if may_go_on(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn serve(&self, request: &Request<'_>) {
        let cached = self.options.cached;
        if request.ino == STATS {
            return self.serve_stats(request);
        }
        match request.opcode {
            opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT => {}
            opcode::INIT => self.now(request, Ok(wire::init(request))),
            opcode::LOOKUP => self.look_up(request),
            opcode::GETATTR => {
                let body = wire::attributes(&self.inode(request.ino), cached);
                self.later(Kind::Getattr, request, request.ino, body);
            }
            opcode::OPENDIR => self.later(Kind::Opendir, request, request.ino, wire::opened(false)),
            opcode::READDIR => self.later(Kind::Readdir, request, request.ino, self.names(request)),
            opcode::RELEASEDIR => self.later(Kind::Releasedir, request, request.ino, Vec::new()),
            opcode::STATFS => {
                let body = wire::filesystem(self.options.tree.n_entries());
                self.later(Kind::Statfs, request, request.ino, body);
            }
            opcode::GETXATTR => self.now(request, self.attribute(request)),
            opcode::LISTXATTR => {
                let names = self.attributes(request.ino).map(|own| format!("{}\0", own.name));
                let names = names.collect::<String>().into_bytes();
                self.now(request, wire::value(names, request.room()));
            }
            opcode::OPEN => self.now(request, Err(Errno::ACCESS)),
            opcode::SETATTR => self.now(request, Err(Errno::ROFS)),
            _ => self.now(request, Err(Errno::NOSYS)),
        }
    }

    fn look_up(&self, request: &Request<'_>) {
        let name = std::str::from_utf8(request.name()).unwrap_or_default();
        if request.ino == ROOT && name == STATS_NAME {
            return self.now(request, Ok(wire::entry(&self.inode(STATS), Duration::ZERO)));
        }
        let Some(ino) = self.options.tree.look_up(request.ino, name) else {
            return self.now(request, Err(Errno::NOENT));
        };
        let body = wire::entry(&self.inode(ino), self.options.cached);
        self.later(Kind::Lookup, request, ino, body);
    }

    fn attributes(&self, ino: u64) -> impl Iterator<Item = &'static Attribute> {
        self.options.attributes.iter().filter(move |attribute| attribute.ino == ino)
    }

    fn attribute(&self, request: &Request<'_>) -> Result<Vec<u8>, Errno> {
        let is_asked = |own: &&Attribute| own.name.as_bytes() == request.attribute();
        let own = self.attributes(request.ino).find(is_asked).ok_or(Errno::NODATA)?;
        wire::value(own.value.to_vec(), request.room())
    }

    /// A buffer of names, from the offset on.
    fn names(&self, request: &Request<'_>) -> Vec<u8> {
        let mut listing = Listing::new(request.size());
        let at = |at| Some((at, self.options.tree.entry(request.ino, at)?));
        for (at, entry) in (request.offset()..).map_while(at) {
            if !listing.push(entry.ino, at + 1, entry.is_dir, &entry.name) {
                break;
            }
        }
        listing.done()
    }

    fn serve_stats(&self, request: &Request<'_>) {
        let result = match request.opcode {
            opcode::FORGET | opcode::BATCH_FORGET => return,
            opcode::GETATTR | opcode::SETATTR => {
                Ok(wire::attributes(&self.inode(STATS), Duration::ZERO))
            }
            opcode::OPEN => Ok(wire::opened(true)),
            opcode::READ => Ok(self.stats(request.offset(), request.size())),
            opcode::WRITE => {
                lock(&self.seen).reset();
                Ok(wire::written(request.size()))
            }
            opcode::RELEASE => Ok(Vec::new()),
            _ => Err(Errno::NOSYS),
        };
        self.now(request, result);
    }

    fn stats(&self, offset: u64, size: u32) -> Vec<u8> {
        let text = lock(&self.seen).to_string();
        let rest = text.as_bytes().get(offset as usize..).unwrap_or_default();
        rest[..rest.len().min(size as usize)].to_vec()
    }

    fn now(&self, request: &Request<'_>, result: Result<Vec<u8>, Errno>) {
        wire::answer(&self.device, request.unique, result);
    }

    /// Counts a request about an inode, and answers it when its time has come.
    fn later(&self, kind: Kind, request: &Request<'_>, ino: u64, body: Vec<u8>) {
        let (now, unique) = (Instant::now(), request.unique);
        lock(&self.seen).asked(kind, ino, now);
        if self.options.stuck == Some(ino) {
            return;
        }
        let (seen, device) = (self.seen.clone(), self.device.clone());
        let answer = move || {
            // Before who gets the answer asks the next one.
            lock(&seen).answered(kind, Instant::now());
            wire::answer(&device, unique, Ok(body));
        };
        self.clock.later(kind, now, Box::new(answer));
    }

    fn inode(&self, ino: u64) -> Inode {
        let is_dir = ino != STATS && self.options.tree.is_dir(ino);
        Inode {
            ino,
            size: if ino == STATS { STATS_SIZE } else { ino % 4096 },
            time: TIME,
            mode: if is_dir { DIR_MODE } else { FILE_MODE },
            n_links: if is_dir { 2 } else { 1 },
        }
    }
}

fn may_go_on(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::INTR | Errno::AGAIN))
}

pub(crate) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nothing panics with the lock")
}
