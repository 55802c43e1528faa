//! What is to be read ahead and what was, each in the order in which the consumer will ask.
//!
//! Two maps by [`Position`]. `unread` has what nobody reads: a worker takes its first, what was
//! not read after all is put back, and what a directory turns out to hold goes in between. `ahead`
//! has what a worker reads or has read. Pruning removes ranges of both. Subdirectories that nobody
//! has taken are one entry, however many they are.
//!
//! The consumer goes forward only: what lies before the directory that it asks for is dropped.
//!
//! All of it is a cache. The consumer has its own list of what it wants, and reads by itself
//! what is not here; so nothing that is missing, late or thrown away can change what it gets,
//! and it can never wait for ever: it waits only for a directory that a worker reads now (I14).
//!
//! What is read ahead and not yet taken is bounded by [`DIRS_AHEAD_MAX`] and
//! [`BYTES_AHEAD_MAX`]; each worker may exceed that by the directory that it reads. Where hundreds of
//! workers read large directories that would be much, so what they are about to bring is guessed from
//! what others have brought.

use super::dir_listing::{DirListing, Subdirs};
use super::position::{Division, Position, Stretch};
use super::reader::with_slash;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;

/// Directories that are read ahead.
pub(super) const DIRS_AHEAD_MAX: usize = 2048;

/// Bytes of names that are read ahead.
pub(super) const BYTES_AHEAD_MAX: usize = 6 << 20;

/// Workers that may read whatever they will bring.
const FEW: usize = 8;

/// Directories over which their size is averaged.
const N_AVERAGED: usize = 16;

/// Subdirectories of one directory, as the consumer wants them.
pub(super) struct Group {
    /// The directory's path, to which names can be added.
    prefix: Vec<u8>,
    dirs: Arc<Subdirs>,
    wanted: Wanted,
    division: Division,
}

/// Which subdirectories the consumer wants. Each has a place in that list, and an index in `dirs`.
enum Wanted {
    /// All, as far as is known.
    All,
    /// These, in their own order: each keeps its position.
    Some(Vec<usize>),
    /// These, in this order.
    Ordered(Vec<usize>),
}

impl Group {
    fn n_places(&self) -> usize {
        match &self.wanted {
            Wanted::All => self.dirs.len(),
            Wanted::Some(wanted) | Wanted::Ordered(wanted) => wanted.len(),
        }
    }

    fn index(&self, place: usize) -> usize {
        match &self.wanted {
            Wanted::All => place,
            Wanted::Some(wanted) | Wanted::Ordered(wanted) => wanted[place],
        }
    }

    /// The positions of a subdirectory.
    pub(super) fn stretch(&self, place: usize) -> Stretch {
        let rank = match &self.wanted {
            Wanted::All | Wanted::Ordered(_) => place,
            Wanted::Some(wanted) => wanted[place],
        };
        self.division.stretch(rank)
    }
}

/// Subdirectories that nobody has taken.
struct Rest {
    group: Arc<Group>,
    places: Range<usize>,
}

enum Slot {
    /// A worker reads it.
    Reading,
    Read(ReadDir),
}

/// A directory that was read.
pub(super) struct ReadDir {
    pub(super) listing: DirListing,
    /// Its subdirectories, if they are planned.
    pub(super) group: Option<Arc<Group>>,
}

/// What the plan has of a directory.
pub(super) enum Asked {
    Read(ReadDir),
    /// A worker reads it.
    Soon,
    /// Nobody reads it, and no worker will.
    Unread,
}

/// A directory for a worker to read.
pub(super) struct Job {
    group: Arc<Group>,
    place: usize,
    pub(super) path: Vec<u8>,
}

impl Job {
    pub(super) fn position(&self) -> Position {
        self.group.stretch(self.place).start
    }
}

#[derive(Default)]
pub(super) struct Plan {
    /// By the position of the first.
    unread: BTreeMap<Position, Rest>,
    ahead: BTreeMap<Position, Slot>,
    n_stages: u64,
    n_ahead: usize,
    bytes_ahead: usize,
    /// Bytes of a directory, on average over those that were read last.
    bytes_each: usize,
    /// The consumer changes the order: nothing is read ahead of what it has not seen.
    is_careful: bool,
    /// Links to directories are entered too.
    follows_links: bool,
}

impl Plan {
    /// A plan for a walk that enters links to directories, or not.
    pub(super) fn new(follows_links: bool) -> Plan {
        Plan { follows_links, ..Plan::default() }
    }

    /// True while workers may read ahead, of whom `n_reading` do.
    pub(super) fn has_room(&self, n_reading: usize) -> bool {
        let n_many = n_reading.saturating_sub(FEW);
        let bytes = self.bytes_ahead + n_many * self.bytes_each;
        self.n_ahead < DIRS_AHEAD_MAX && bytes < BYTES_AHEAD_MAX
    }

    /// True once it makes sense to wake workers that found no room.
    pub(super) fn has_much_room(&self) -> bool {
        self.n_ahead <= DIRS_AHEAD_MAX / 2 && self.bytes_ahead <= BYTES_AHEAD_MAX / 2
    }

    /// True if there is anything for a worker, perhaps.
    pub(super) fn has_work(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Takes the directory that is needed first and that nobody reads.
    pub(super) fn take(&mut self) -> Option<Job> {
        while let Some((_, mut rest)) = self.unread.pop_first() {
            let job = self.take_first(&mut rest);
            self.put(rest);
            if job.is_some() {
                return job;
            }
        }
        None
    }

    /// Takes the first that can be entered; none if that is taken already, for then what is below
    /// it comes before the others.
    fn take_first(&mut self, rest: &mut Rest) -> Option<Job> {
        let Rest { group, places } = rest;
        let may_enter =
            |place: &usize| group.dirs.may_enter(group.index(*place), self.follows_links);
        let place = places.find(may_enter)?;
        let Entry::Vacant(slot) = self.ahead.entry(group.stretch(place).start) else { return None };
        slot.insert(Slot::Reading);
        let path = [&group.prefix, group.dirs.name(group.index(place))].concat();
        Some(Job { group: group.clone(), place, path })
    }

    fn put(&mut self, rest: Rest) {
        if !rest.places.is_empty() {
            self.unread.insert(rest.group.stretch(rest.places.start).start, rest);
        }
    }

    /// A worker has not read what it took: others may.
    pub(super) fn give_back(&mut self, job: Job) {
        let position = job.position();
        if let Some(Slot::Reading) = self.ahead.get(&position) {
            self.ahead.remove(&position);
            let rest = Rest { places: job.place..job.place + 1, group: job.group };
            // One that begins here has it too.
            self.unread.entry(position).or_insert(rest);
        }
    }

    /// A worker has read what it took. What it could not read is not kept: the consumer shall
    /// meet the error itself, if it is still there.
    pub(super) fn store(&mut self, job: &Job, listing: Option<DirListing>) {
        let stretch = job.group.stretch(job.place);
        if let Some(listing) = &listing {
            let others = self.bytes_each * (N_AVERAGED - 1);
            self.bytes_each = (others + listing.n_bytes()) / N_AVERAGED;
        }
        let Some(Slot::Reading) = self.ahead.get(&stretch.start) else { return };
        match listing {
            Some(listing) => {
                self.n_ahead += 1;
                self.bytes_ahead += listing.n_bytes();
                let group = if self.is_careful {
                    None
                } else {
                    self.plan_below(stretch, &job.path, &listing.dirs, Wanted::All)
                };
                self.ahead.insert(stretch.start, Slot::Read(ReadDir { listing, group }));
            }
            None => drop(self.ahead.remove(&stretch.start)),
        }
    }

    /// The consumer has arrived at a directory: takes what was read of it.
    pub(super) fn ask(&mut self, stretch: Stretch) -> Asked {
        self.pass(stretch.start);
        match self.ahead.get(&stretch.start) {
            None => Asked::Unread,
            Some(Slot::Reading) => Asked::Soon,
            Some(Slot::Read(_)) => match self.forget(stretch.start) {
                Some(Slot::Read(read)) => Asked::Read(read),
                _ => Asked::Unread,
            },
        }
    }

    /// Drops what lies before a position, and what nobody has taken there.
    fn pass(&mut self, position: Position) {
        while let Some((&first, _)) = self.ahead.first_key_value()
            && first < position
        {
            self.forget(first);
        }
        while let Some(first) = self.unread.first_entry()
            && *first.key() <= position
        {
            let Rest { group, mut places } = first.remove();
            while !places.is_empty() && group.stretch(places.start).start <= position {
                places.next();
            }
            self.put(Rest { group, places });
        }
    }

    /// The consumer has read a directory, by itself or from here, and nothing is planned below
    /// it: this may be the time.
    pub(super) fn arrive(
        &mut self,
        stretch: Option<Stretch>,
        path: &[u8],
        dirs: &Arc<Subdirs>,
    ) -> Option<Arc<Group>> {
        if self.is_careful || !self.can_be_entered(dirs) {
            return None;
        }
        let group = stretch.and_then(|stretch| self.plan_below(stretch, path, dirs, Wanted::All));
        group.or_else(|| self.begin_stage(path, dirs, Wanted::All))
    }

    /// The consumer goes on below the directory where it is, as it found it. `group` is what was
    /// planned there.
    pub(super) fn confirm(
        &mut self,
        group: Option<Arc<Group>>,
        path: &[u8],
        dirs: &Arc<Subdirs>,
    ) -> Option<Arc<Group>> {
        match group {
            Some(group) if self.is_careful => {
                self.put(Rest { places: 0..group.n_places(), group: group.clone() });
                Some(group)
            }
            None if self.is_careful && self.can_be_entered(dirs) => {
                self.begin_stage(path, dirs, Wanted::All)
            }
            group => group,
        }
    }

    /// The consumer has changed what it wants below the directory where it is: it wants these, in
    /// this order. `group` is what was planned there, and `above` are the groups of the
    /// directories above, whose order is known.
    pub(super) fn change(
        &mut self,
        group: Option<&Arc<Group>>,
        path: &[u8],
        dirs: &Arc<Subdirs>,
        wanted: Vec<usize>,
        above: &[&Arc<Group>],
    ) -> Option<Arc<Group>> {
        let is_pruned = wanted.is_sorted_by(|one, next| one < next);
        match group {
            Some(group) if is_pruned && matches!(group.wanted, Wanted::All) => {
                Some(self.prune(group, wanted))
            }
            _ => {
                group.into_iter().for_each(|group| self.remove(group, |_| true));
                if !is_pruned && !self.is_careful {
                    self.is_careful = true;
                    let is_known =
                        |rest: &Rest| above.iter().any(|it| Arc::ptr_eq(it, &rest.group));
                    self.unread.retain(|_, rest| is_known(rest));
                }
                self.begin_stage(path, dirs, Wanted::Ordered(wanted))
            }
        }
    }

    /// Leaves of a group what is wanted, and what was read below it.
    fn prune(&mut self, group: &Arc<Group>, wanted: Vec<usize>) -> Arc<Group> {
        self.remove(group, |rank| wanted.binary_search(&rank).is_err());
        let Group { prefix, dirs, division, .. } = &**group;
        let pruned = Arc::new(Group {
            prefix: prefix.clone(),
            dirs: dirs.clone(),
            wanted: Wanted::Some(wanted),
            division: *division,
        });
        self.put(Rest { places: 0..pruned.n_places(), group: pruned.clone() });
        pruned
    }

    /// Removes what nobody has taken of a group, and of some subdirectories what is below them.
    fn remove(&mut self, group: &Arc<Group>, is_unwanted: impl Fn(usize) -> bool) {
        let is_unwanted = |position| is_unwanted(group.division.rank_of(position));
        let range = || group.division.range();
        let is_of_group = |rest: &Rest| Arc::ptr_eq(&rest.group, group);
        let unread = self.unread.range(range()).map(|(position, rest)| (*position, rest));
        let unread = unread.filter(|(position, rest)| is_of_group(rest) || is_unwanted(*position));
        let unread: Vec<_> = unread.map(|(position, _)| position).collect();
        unread.iter().for_each(|position| drop(self.unread.remove(position)));
        let ahead = self.ahead.range(range()).map(|(position, _)| *position);
        let ahead: Vec<_> = ahead.filter(|position| is_unwanted(*position)).collect();
        ahead.into_iter().for_each(|position| drop(self.forget(position)));
    }

    fn begin_stage(
        &mut self,
        path: &[u8],
        dirs: &Arc<Subdirs>,
        wanted: Wanted,
    ) -> Option<Arc<Group>> {
        self.n_stages += 1;
        self.plan_below(Stretch::of_stage(self.n_stages), path, dirs, wanted)
    }

    /// Plans the subdirectories of a directory, if any can be entered and there is room for them
    /// among the positions.
    fn plan_below(
        &mut self,
        stretch: Stretch,
        path: &[u8],
        dirs: &Arc<Subdirs>,
        wanted: Wanted,
    ) -> Option<Arc<Group>> {
        if !self.can_be_entered(dirs) {
            return None;
        }
        let n = if let Wanted::Ordered(wanted) = &wanted { wanted.len() } else { dirs.len() };
        let division = stretch.divide(n)?;
        let group = Group { prefix: with_slash(path), dirs: dirs.clone(), wanted, division };
        let group = Arc::new(group);
        self.put(Rest { places: 0..group.n_places(), group: group.clone() });
        Some(group)
    }

    fn can_be_entered(&self, dirs: &Subdirs) -> bool {
        (0..dirs.len()).any(|index| dirs.may_enter(index, self.follows_links))
    }

    fn forget(&mut self, position: Position) -> Option<Slot> {
        let slot = self.ahead.remove(&position);
        if let Some(Slot::Read(read)) = &slot {
            self.n_ahead -= 1;
            self.bytes_ahead -= read.listing.n_bytes();
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs(names: &[&str]) -> Arc<Subdirs> {
        let mut dirs = Subdirs::default();
        names.iter().for_each(|name| dirs.push(name.as_bytes(), false));
        Arc::new(dirs)
    }

    fn listing(names: &[&str]) -> Option<DirListing> {
        Some(DirListing { dirs: dirs(names), ..DirListing::default() })
    }

    fn take_all(plan: &mut Plan) -> Vec<Job> {
        std::iter::from_fn(|| plan.take()).collect()
    }

    fn paths(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| str::from_utf8(&job.path).expect("it is ASCII")).collect()
    }

    #[test]
    fn what_is_given_back_is_given_again_in_its_place_and_nothing_else_is() {
        let mut plan = Plan::default();
        let group = plan.arrive(None, b"/r", &dirs(&["a", "b", "c"])).expect("it has some");
        let mut taken = take_all(&mut plan);
        assert_eq!(paths(&taken), ["/r/a", "/r/b", "/r/c"]);
        plan.give_back(taken.pop().expect("c"));
        plan.give_back(taken.pop().expect("b"));
        plan.store(&taken[0], listing(&[]));
        assert_eq!(paths(&take_all(&mut plan)), ["/r/b", "/r/c"]);
        assert!(matches!(plan.ask(group.stretch(0)), Asked::Read(_)));
        assert!(matches!(plan.ask(group.stretch(1)), Asked::Soon));
    }

    #[test]
    fn what_is_below_a_directory_is_taken_before_its_next_sibling() {
        let mut plan = Plan::default();
        plan.arrive(None, b"/r", &dirs(&["a", "b", "c", "d"]));
        let (a, b) = (plan.take().expect("a"), plan.take().expect("b"));
        plan.store(&b, listing(&["x", "y"]));
        plan.store(&a, listing(&["z"]));
        assert_eq!(paths(&take_all(&mut plan)), ["/r/a/z", "/r/b/x", "/r/b/y", "/r/c", "/r/d"]);
    }

    #[test]
    fn pruning_drops_what_was_read_below_and_keeps_the_rest() {
        let mut plan = Plan::default();
        let names = dirs(&["a", "b", "c", "d"]);
        let group = plan.arrive(None, b"/r", &names).expect("it has some");
        let taken: Vec<_> = (0..3).filter_map(|_| plan.take()).collect();
        taken.iter().for_each(|job| plan.store(job, listing(&["x", "y"])));
        assert_eq!(plan.n_ahead, 3);
        let group = plan.change(Some(&group), b"/r", &names, vec![1, 3], &[]).expect("some");
        assert_eq!(plan.n_ahead, 1);
        assert_eq!(paths(&take_all(&mut plan)), ["/r/b/x", "/r/b/y", "/r/d"]);
        assert!(matches!(plan.ask(group.stretch(0)), Asked::Read(_)));
        assert!(matches!(plan.ask(group.stretch(1)), Asked::Soon));
        assert_eq!((plan.n_ahead, plan.bytes_ahead), (0, 0));
    }

    #[test]
    fn after_a_change_of_the_order_only_what_the_consumer_has_seen_is_read() {
        let mut plan = Plan::default();
        let names = dirs(&["a", "b"]);
        let group = plan.arrive(None, b"/r", &names).expect("it has some");
        let group = plan.change(Some(&group), b"/r", &names, vec![1, 0], &[]).expect("some");
        let taken = take_all(&mut plan);
        assert_eq!(paths(&taken), ["/r/b", "/r/a"]);
        plan.store(&taken[0], listing(&["x"]));
        assert!(plan.take().is_none());
        let Asked::Read(read) = plan.ask(group.stretch(0)) else { panic!("it was read") };
        plan.confirm(read.group, b"/r/b", &read.listing.dirs);
        assert_eq!(paths(&take_all(&mut plan)), ["/r/b/x"]);
    }

    #[test]
    fn what_the_consumer_has_passed_is_dropped() {
        let mut plan = Plan::default();
        let group = plan.arrive(None, b"/r", &dirs(&["a", "b", "c"])).expect("it has some");
        let a = plan.take().expect("a");
        plan.store(&a, listing(&["x", "y"]));
        assert!(matches!(plan.ask(group.stretch(1)), Asked::Unread));
        assert_eq!((plan.n_ahead, plan.bytes_ahead), (0, 0));
        assert_eq!(paths(&take_all(&mut plan)), ["/r/c"]);
    }
}
