//! From a waiting directory to an open one.

use super::{Job, Start, Worker, is_gone, is_lack, retry_stale, stat_behind};
use crate::batch::Contents;
use crate::descriptors::Handle;
use crate::directory::{Dir, DirInfo, Siblings};
use crate::entry::{Fields, Kind, Stat};
use crate::error::Operation;
use crate::filesystems::FsIndex;
use crate::frontier::FrontierDir;
use crate::pacer::PER_OPEN;
use crate::source::{At, Known, Sink, Source};
use crate::tree::{Above, Tree, TreeSums};
use pwalk_sys::{Errno, Links};
use std::ffi::CString;
use std::sync::Arc;

impl<'w, S: Source, K: Sink> Worker<'w, '_, S, K> {
    pub(super) fn start(&mut self, start: Start) {
        let Start { dir: start, stat } = start;
        if self.walk.is_spent() {
            return self.walk.leave([start]);
        }
        if let Some(stat) = stat {
            return self.start_at(start, stat);
        }
        let (stat, failure) = self.stat_start(&start);
        match (stat, failure) {
            (Some(stat), failure) => {
                if let Some(errno) = failure {
                    self.delivery.fail(Operation::Stat, start.path.clone(), start.depth, errno);
                    self.walk.finish(start.above, 0, &TreeSums::ERROR);
                }
                let pool = self.walk.pool(self.walk.fs_of_start(&start, &stat));
                if pool == self.jobs.pool() {
                    self.start_at(start, stat);
                } else {
                    let start = Start { dir: start, stat: Some(stat) };
                    self.jobs.push_to(pool, Job::Start(Box::new(start)));
                }
            }
            (None, Some(errno)) if is_lack(errno) && self.walk.descriptors.put_off() => {
                self.jobs.defer(Job::Start(Box::new(Start::new(start))));
            }
            (None, Some(errno)) if !is_gone(errno) || start.is_root() => {
                self.delivery.fail(Operation::Stat, start.path, start.depth, errno);
                self.walk.finish(start.above, 1, &TreeSums::ERROR);
            }
            (None, _) => {
                self.delivery.totals.n_vanished += 1;
                self.walk.finish(start.above, 1, &TreeSums::default());
            }
        }
    }

    fn start_at(&mut self, start: FrontierDir, stat: Stat) {
        let info = Arc::new(self.info_of_start(&start, stat));
        let kind = stat.kind();
        if kind == Kind::Dir && self.walk.config.rules.may_enter(info.level()) {
            return self.open(info, Origin::Start(start));
        }
        let has_row = match kind {
            Kind::Dir => self.dir_row(&info, Contents::Unread),
            kind => {
                let row_dir = self.delivery.dir(&info);
                self.row(&info, row_dir, b"", kind, &stat, Contents::None)
            }
        };
        let mut sums = TreeSums::default();
        if has_row {
            sums = sums.and(kind, &stat);
        }
        self.walk.finish(start.above, 1, &sums);
    }

    /// The inode of a root, behind a link if it is one, or of a directory of a frontier.
    fn stat_start(&self, start: &FrontierDir) -> (Option<Stat>, Option<Errno>) {
        self.post.goes_to(&start.path);
        let want = self.want | Fields::INODE;
        let links = self.links_of(start);
        let asker = self.asker(self.walk.fs_of_path(start));
        let stat = |links| self.walk.source.stat_path(&start.path, links, want);
        stat_behind(links, |links| retry_stale(|| asker.ask(Operation::Stat, 1, || stat(links))))
    }

    fn links_of(&self, start: &FrontierDir) -> Links {
        if start.is_root() { Links::Follow } else { self.walk.config.rules.links }
    }

    fn info_of_start(&self, start: &FrontierDir, stat: Stat) -> DirInfo {
        let slash: &[u8] = if start.path == b"/" { b"" } else { b"/" };
        let follows = self.walk.config.rules.follow_links();
        let path: Box<[u8]> = [&start.path, slash].concat().into();
        let has_no_row = stat.kind() == Kind::Dir && self.has_no_row(&path, start.depth, &stat);
        let tree = self.walk.outlet.fields().contains(Fields::TREE).then(|| {
            let above = start.above.map_or(Above::Nothing, Above::Left);
            Tree::new(above, path.len(), start.depth, start.parent_inode, stat)
        });
        DirInfo {
            path,
            root_len: start.root_len,
            root_dev: start.root_dev.unwrap_or(stat.dev),
            fs: self.walk.fs_of_start(start, &stat),
            depth: start.depth,
            parent_inode: start.parent_inode,
            stat,
            inherited: self.walk.config.inherit.as_ref().and_then(|inherit| {
                let got = if start.is_root() { inherit.above } else { start.inherited };
                inherit.pass_on(got, &stat)
            }),
            has_no_row,
            ancestors: follows.then(|| {
                start.ancestors.iter().copied().chain(std::iter::once(stat.id())).collect()
            }),
            tree,
        }
    }

    pub(super) fn open_one(&mut self, mut siblings: Box<Siblings<'w, S::Dir>>) {
        if self.walk.is_spent() {
            return self.leave(*siblings);
        }
        let Some((name, stat)) = siblings.pop() else { return };
        if !self.walk.descriptors.are_plenty() {
            siblings.handle = None;
        }
        let (parent, handle) = (siblings.parent.clone(), siblings.handle.clone());
        let mut info = child_info(&parent, siblings.fs, name.to_bytes(), stat);
        if let Some(inherit) = &self.walk.config.inherit {
            info.inherited = inherit.pass_on(parent.inherited, &stat);
        }
        info.has_no_row = self.has_no_row(&info.path, info.depth, &stat);
        let info = Arc::new(info);
        if !siblings.is_empty() {
            // Before this one is opened, so that idle workers can take the others.
            self.jobs.push(Job::Open(siblings));
        }
        self.open(info, Origin::Parent { info: parent, handle, name });
    }

    fn leave(&mut self, mut siblings: Siblings<'w, S::Dir>) {
        let parent = siblings.parent.clone();
        let above = self.walk.leave_open(&parent);
        let rest = std::iter::from_fn(|| siblings.pop()).map(|(name, _)| FrontierDir {
            path: [&parent.path, name.to_bytes()].concat(),
            root_len: parent.root_len,
            depth: parent.depth + 1,
            parent_inode: parent.stat.ino,
            root_dev: Some(parent.root_dev),
            ancestors: parent.ancestors.as_deref().unwrap_or_default().to_vec(),
            inherited: parent.inherited,
            above,
        });
        self.walk.leave(rest);
    }

    fn open(&mut self, info: Arc<DirInfo>, origin: Origin<'w, S::Dir>) {
        self.walk.control.visit(info.own_path());
        self.post.goes_to(&info.path);
        match self.try_open(&info, &origin) {
            Ok(dir) => {
                let handle = Handle::new(dir, &self.walk.descriptors);
                self.read(Arc::new(Dir::new(info, handle)));
            }
            Err(errno) if is_lack(errno) && self.walk.descriptors.put_off() => {
                self.jobs.defer(origin.into_job(info.fs, info.stat));
            }
            Err(errno) => {
                // ENOTDIR: replaced by something else since its parent was read.
                if is_gone(errno) || errno == Errno::NOTDIR {
                    self.delivery.totals.n_vanished += 1;
                } else {
                    info.fail();
                    self.delivery.fail(
                        Operation::Open,
                        info.own_path().to_vec(),
                        info.depth,
                        errno,
                    );
                }
                self.end(&info, Contents::Unread);
            }
        }
    }

    /// Opens a directory; waits for a descriptor as long as another worker may give one back.
    fn try_open(&self, info: &DirInfo, origin: &Origin<'w, S::Dir>) -> Result<S::Dir, Errno> {
        let (links, parent) = match origin {
            Origin::Start(start) => (self.links_of(start), None),
            Origin::Parent { handle, name, .. } => {
                let parent = handle.as_ref().map(|handle| (&handle.dir, name.as_c_str()));
                (self.walk.config.rules.links, parent)
            }
        };
        let known = Known {
            asking: self.walk.config.filesystems.tuning(info.fs).asking,
            owner: self.want_of_rows.contains(Fields::OWNER).then_some(info.stat.uid),
        };
        let at = || At { parent, path: info.own_path() };
        let open = || self.walk.source.open_known(at(), links, &known);
        let asker = self.asker(info.fs);
        loop {
            let n_closed = self.walk.descriptors.n_closed();
            match retry_stale(|| asker.ask(Operation::Open, PER_OPEN, open)) {
                Err(errno)
                    if is_lack(errno)
                        && self.walk.descriptors.wait(n_closed)
                        && !self.walk.control.is_cancelled() => {}
                result => {
                    if !result.as_ref().is_err_and(|errno| is_lack(*errno)) {
                        self.walk.descriptors.had_one();
                    }
                    return result;
                }
            }
        }
    }
}

/// Where a directory that is to be opened came from: what it takes to put it off.
enum Origin<'w, D> {
    Start(FrontierDir),
    Parent { info: Arc<DirInfo>, handle: Option<Arc<Handle<'w, D>>>, name: CString },
}

impl<'w, D> Origin<'w, D> {
    /// The job that tries again. It lets go of the parent's descriptor, for others to use.
    fn into_job(self, fs: FsIndex, stat: Stat) -> Job<'w, D> {
        match self {
            Origin::Start(start) => Job::Start(Box::new(Start::new(start))),
            Origin::Parent { info, name, .. } => {
                let mut siblings = Siblings::new(info, fs, None);
                siblings.push(&name, stat);
                Job::Open(Box::new(siblings))
            }
        }
    }
}

fn child_info(parent: &DirInfo, fs: FsIndex, name: &[u8], stat: Stat) -> DirInfo {
    let ancestors = parent.ancestors.as_ref().map(|above| {
        let own = std::iter::once(stat.id());
        above.iter().copied().chain(own).collect()
    });
    let path = [&parent.path, name, b"/"].concat();
    let (depth, parent_inode) = (parent.depth + 1, parent.stat.ino);
    let tree = parent
        .tree
        .as_ref()
        .map(|above| Tree::new(Above::Dir(above.clone()), path.len(), depth, parent_inode, stat));
    DirInfo {
        path: path.into(),
        root_len: parent.root_len,
        root_dev: parent.root_dev,
        fs,
        depth,
        parent_inode,
        stat,
        inherited: None,
        has_no_row: false,
        ancestors,
        tree,
    }
}
