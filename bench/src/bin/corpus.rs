//! Makes the trees that are measured: the same names, sizes, times and modes on every machine.
//!
//! Owns the shapes (`plan`) and what a file looks like (`Facts`). Knows nothing of pwalk.
//!
//! The questionable decision: files are sparse, so their sizes are real to `stat` and cost no
//! disk. Programs that add up allocated blocks see next to nothing here.
//!
//! Everything derives from the number of a directory and of a file in it, through splitmix64,
//! so threads may make files in any order. Only inode numbers and the order in which a
//! directory lists its names differ between two runs. All directories are made first; then
//! each is filled and gets its own times last, because filling it changes them.

#![forbid(unsafe_code)]

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

const USAGE: &str = "usage: corpus wide|flat|deep|skewed|tiny DIR [--scale F]\n\
    Makes a tree in DIR, which must be missing or empty, and prints its number of entries.\n\
    wide    10,000 directories of 100 files, fan-out 10\n\
    flat    500,000 files in DIR itself\n\
    deep    25 chains of 200 directories with 20 files each\n\
    skewed  2,000 directories of 100 files, nine in ten of them below one\n\
    tiny    20 directories of 10 files\n\
    --scale F  as many times the directories (flat: the files, deep: the chains)\n";

/// More threads gain nothing: the journal is the limit.
const N_THREADS: usize = 2;
/// Files that a thread takes at a time, so that `flat` is shared as well.
const CHUNK_LEN: usize = 1000;

const WORDS: [&str; 16] = [
    "scan", "run", "plate", "cell", "frame", "data", "mask", "log", "model", "batch", "test",
    "train", "image", "read", "stack", "probe",
];
/// A dozen, the frequent ones several times; one file in twenty has none.
const EXTENSIONS: [&str; 20] = [
    ".txt", ".txt", ".txt", ".csv", ".csv", ".json", ".json", ".png", ".png", ".tif", ".tif",
    ".py", ".h5", ".log", ".gz", ".bam", ".fastq", ".npy", ".parquet", "",
];
const FILE_MODES: [u32; 8] = [0o644, 0o644, 0o644, 0o664, 0o600, 0o640, 0o755, 0o444];
const DIR_MODES: [u32; 4] = [0o755, 0o755, 0o2775, 0o750];
/// 2015-01-01 UTC, and ten years.
const TIME_START: u64 = 1_420_070_400;
const TIME_SPAN: u64 = 315_576_000;

/// splitmix64: one state word, good enough to scatter, the same everywhere.
struct Random(u64);

impl Random {
    fn of(dir: usize, file: usize) -> Self {
        let mut random = Self(((dir as u64) << 32) ^ file as u64);
        random.0 = random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// What an inode is given besides its name.
struct Facts {
    size_bytes: u64,
    times: Timestamps,
    uid: u32,
    gid: u32,
    mode: Mode,
}

impl Facts {
    fn new(random: &mut Random, modes: &[u32]) -> Self {
        Facts {
            size_bytes: size(random),
            times: times(random),
            uid: 1000 + (random.below(8) * random.below(8) / 7) as u32,
            gid: random.pick(&[100, 100, 2000, 2001]),
            mode: Mode::from_raw_mode(random.pick(modes)),
        }
    }

    /// The owner before the mode: chown clears the set-id bits.
    fn apply(&self, fd: BorrowedFd<'_>, is_root: bool) -> io::Result<()> {
        if is_root {
            let owner = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            rustix::fs::fchown(fd, Some(owner.0), Some(owner.1))?;
        }
        rustix::fs::fchmod(fd, self.mode)?;
        Ok(rustix::fs::futimens(fd, &self.times)?)
    }
}

/// A quarter empty, the others even over the orders of magnitude up to 64 MiB.
fn size(random: &mut Random) -> u64 {
    if random.below(4) == 0 {
        return 0;
    }
    let n_bits = random.below(26) + 1;
    random.below(1 << n_bits)
}

/// Read within a year after it was written.
fn times(random: &mut Random) -> Timestamps {
    let seconds = TIME_START + random.below(TIME_SPAN);
    let at = |seconds: u64, nanos: u64| Timespec { tv_sec: seconds as i64, tv_nsec: nanos as i64 };
    Timestamps {
        last_modification: at(seconds, random.below(1_000_000_000)),
        last_access: at(seconds + random.below(31_536_000), random.below(1_000_000_000)),
    }
}

/// 20 to 30 characters that start with a word and the number, so no two are alike.
fn name(random: &mut Random, number: usize, extension: &str) -> String {
    let mut name = format!("{}_{number:06}", random.pick(&WORDS));
    let len = name.len().max(20 + random.below(11) as usize - extension.len());
    while name.len() < len {
        name.push('_');
        name.push_str(random.pick(&WORDS));
    }
    name.truncate(len);
    name + extension
}

/// A directory to make.
struct Dir {
    path: PathBuf,
    n_files: usize,
}

/// A tree: parents stand before their children, the root first.
struct Plan {
    dirs: Vec<Dir>,
}

impl Plan {
    fn new(root: &Path, n_files: usize) -> Self {
        let path = root.to_path_buf();
        Plan { dirs: vec![Dir { path, n_files }] }
    }

    /// Adds a directory under the one with the number `parent`.
    fn add(&mut self, parent: usize, name: &str, n_files: usize) -> usize {
        let path = self.dirs[parent].path.join(name);
        self.dirs.push(Dir { path, n_files });
        self.dirs.len() - 1
    }

    /// Adds `n_dirs` directories as a complete tree of fan-out 10 below `top`.
    fn add_tree(&mut self, top: usize, n_dirs: usize, n_files: usize) {
        let first = self.dirs.len();
        for i in 0..n_dirs {
            let parent = if i < 10 { top } else { first + i / 10 - 1 };
            let name = name(&mut Random::of(first + i, usize::MAX), i, "");
            self.add(parent, &name, n_files);
        }
    }

    fn n_entries(&self) -> usize {
        let n_files: usize = self.dirs.iter().map(|dir| dir.n_files).sum();
        self.dirs.len() + n_files
    }
}

fn plan(shape: &str, root: &Path, scale: f64) -> Option<Plan> {
    let scaled = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let mut plan = Plan::new(root, if shape == "flat" { scaled(500_000) } else { 0 });
    match shape {
        "flat" => {}
        "wide" => plan.add_tree(0, scaled(10_000), 100),
        "tiny" => plan.add_tree(0, scaled(20), 10),
        "deep" => add_chains(&mut plan, scaled(25)),
        "skewed" => {
            let heavy = plan.add(0, "heavy", 0);
            plan.add_tree(heavy, scaled(1800), 100);
            plan.add_tree(0, scaled(200), 100);
        }
        _ => return None,
    }
    Some(plan)
}

/// Short names: the deepest path stays below PATH_MAX, which half of the peers need.
fn add_chains(plan: &mut Plan, n_chains: usize) {
    for chain in 0..n_chains {
        let mut parent = plan.add(0, &format!("chain-{chain:05}"), 20);
        for level in 1..200 {
            parent = plan.add(parent, &format!("level-{level:03}"), 20);
        }
    }
}

fn make(plan: &Plan) -> io::Result<()> {
    // Modes come out as asked for.
    rustix::process::umask(Mode::empty());
    for dir in &plan.dirs[1..] {
        std::fs::create_dir(&dir.path).map_err(|error| with_path(&dir.path, &error))?;
    }
    let next = AtomicUsize::new(0);
    let chunks = chunks(plan);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..N_THREADS).map(|_| scope.spawn(|| fill_chunks(plan, &chunks, &next))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("threads do not panic"))
    })?;
    let is_root = rustix::process::geteuid().is_root();
    (0..plan.dirs.len()).try_for_each(|dir| finish(plan, dir, is_root))
}

/// A directory's number and the number of the first file of the chunk.
fn chunks(plan: &Plan) -> Vec<(usize, usize)> {
    let of = |(dir, n): (usize, &Dir)| (0..n.n_files).step_by(CHUNK_LEN).map(move |f| (dir, f));
    plan.dirs.iter().enumerate().flat_map(of).collect()
}

fn fill_chunks(plan: &Plan, chunks: &[(usize, usize)], next: &AtomicUsize) -> io::Result<()> {
    let is_root = rustix::process::geteuid().is_root();
    // Relaxed: each number is handed out once, and nothing else is shared.
    while let Some(&(dir, start)) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
        let Dir { path, n_files } = &plan.dirs[dir];
        let fd = open_dir(path)?;
        for file in start..(start + CHUNK_LEN).min(*n_files) {
            make_file(fd.as_fd(), dir, file, is_root).map_err(|error| with_path(path, &error))?;
        }
    }
    Ok(())
}

fn make_file(at: BorrowedFd<'_>, dir: usize, file: usize, is_root: bool) -> io::Result<()> {
    let mut random = Random::of(dir, file);
    let extension = random.pick(&EXTENSIONS);
    let name = name(&mut random, file, extension);
    let facts = Facts::new(&mut random, &FILE_MODES);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(at, name, flags, facts.mode)?;
    if facts.size_bytes > 0 {
        rustix::fs::ftruncate(&fd, facts.size_bytes)?;
    }
    facts.apply(fd.as_fd(), is_root)
}

fn finish(plan: &Plan, dir: usize, is_root: bool) -> io::Result<()> {
    let facts = Facts::new(&mut Random::of(dir, usize::MAX - 1), &DIR_MODES);
    let path = &plan.dirs[dir].path;
    let fd = open_dir(path)?;
    facts.apply(fd.as_fd(), is_root).map_err(|error| with_path(path, &error))
}

fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| with_path(path, &error.into()))
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Makes the root unless it is there; refuses one that holds anything.
fn make_root(root: &Path) -> io::Result<()> {
    std::fs::create_dir_all(root).map_err(|error| with_path(root, &error))?;
    match std::fs::read_dir(root)?.next() {
        None => Ok(()),
        Some(_) => Err(with_path(root, &io::ErrorKind::DirectoryNotEmpty.into())),
    }
}

/// Shape, root and scale as typed.
fn parse(args: &[std::ffi::OsString]) -> Option<(&str, &Path, f64)> {
    let (shape, root, scale) = match args {
        [shape, root] => (shape, root, 1.0),
        [shape, root, flag, scale] if flag == "--scale" => {
            (shape, root, scale.to_str()?.parse().ok()?)
        }
        _ => return None,
    };
    let is_usable = scale > 0.0 && scale <= 1e4 && !root.as_bytes().starts_with(b"-");
    is_usable.then_some((shape.to_str()?, Path::new(root), scale))
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = parse(&args).and_then(|(shape, root, scale)| plan(shape, root, scale));
    let Some(plan) = parsed else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match make_root(&plan.dirs[0].path).and_then(|()| make(&plan)) {
        Ok(()) => {
            println!("{}", plan.n_entries());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("corpus: {error}");
            ExitCode::from(2)
        }
    }
}
