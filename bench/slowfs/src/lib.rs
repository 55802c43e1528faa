//! A filesystem whose requests take as long as one says, and are counted: a file server at home.
//!
//! It owns a tree that is computed and not stored ([`Tree`]), a server that answers late
//! ([`Service`]), and the counts of what it was asked ([`Seen`]). It knows nothing of pwalk.
//! Tests mount it in their own process ([`Mounted`]); benchmarks and people run the command `slowfs`.
//!
//! The requests are written by hand, as in the testkit's `stuck`: there are a dozen of them, and a
//! library for FUSE (`fuser`) brings 19 crates, which take 25 s of processor time to build.
//!
//! Names are told by READDIR, and never by READDIRPLUS. Servers of NFS and Ceph have the latter, and
//! what it brings is a cache of inodes that is full before anybody asks. With nothing cached (the
//! default) the kernel would have to throw them away and ask again; and with a cache there is little
//! left to measure.

#![forbid(unsafe_code)]

mod filesystem;
mod mounted;
mod seen;
mod service;
mod tree;
mod wire;

pub use mounted::{Attribute, Mounted, Options, STATS_NAME, mount, serve};
pub use seen::{KINDS, Kind, Seen};
pub use service::Service;
pub use tree::Tree;
