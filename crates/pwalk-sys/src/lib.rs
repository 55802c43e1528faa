//! Linux system calls for reading directories and inodes, behind a safe face.
//!
//! Owns every call that the rest of pwalk makes to the kernel about files, and the only
//! `unsafe` of the workspace. Knows nothing about walking: no function here calls itself for
//! a subdirectory, keeps a queue, or decides what an error means.
//!
//! On `rustix`, but for a few calls. `getdents64` is made by hand, because rustix hides the bytes
//! that the kernel wrote and we want to parse (and fuzz) them ourselves.

mod beneath;
mod change;
mod clock;
mod compared;
mod cpus;
mod dirent;
mod errno;
mod filesystem;
mod fork;
mod limits;
mod map;
mod memory;
mod mounts;
mod open;
mod ring;
mod stat;
mod stdio;
mod terminal;
mod users;

pub use beneath::open_beneath;
pub use change::{
    Locked, MODE_BITS, attribute, attribute_names, locked, may_set_setgid, replace_attribute,
    set_group, set_mode,
};
pub use clock::{Usage, coarse_clock, usage};
pub use compared::{
    announce_read, can_open_direct, fstat_at, open_directory_direct, open_directory_direct_by_path,
    read_all_names, write_mapped,
};
pub use cpus::{allowed_cpus, bind_thread, cpu_quota, give_way, numa_nodes, prefer_local_memory};
pub use dirent::{Dirents, Malformed, RawDirent, read_dirents, until_nul};
pub use errno::Errno;
pub use filesystem::{RawFilesystem, filesystem, innermost_mount, is_in_overlay};
pub use fork::{Ended, Side, Worker, let_go_of_files, split};
pub use limits::{DescriptorLimit, descriptor_limit, raise_descriptor_limit};
pub use map::map_file;
pub use memory::{Reserve, has_room, keep_reserve, memory_is_short, share_heap_if_limited};
pub use mounts::{Mount, mounts, parse_mountinfo};
pub use open::{Access, Caller, open_directory, open_directory_by_path, split_long_path};
pub use ring::{has_io_uring, stat_by_ring};
pub use stat::{
    Freshness, Links, RawStat, StatMask, is_made_up_device, read_link, stat_at, stat_by_path,
    stat_open,
};
pub use stdio::{is_stdout_closed, occupy_standard_descriptors};
pub use terminal::{has_terminal, terminal_width};
pub use users::{group_id, group_name, user_id, user_name};

pub use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
