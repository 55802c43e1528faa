//! What is read ahead, in the order in which the consumer will ask.
//!
//! A directory whose subdirectories can be entered is a [`Group`]. `todo` is a stack: what is
//! needed first lies on top. A worker takes the topmost subdirectory that nobody reads, and
//! leaves a mark in its place; once it is read, its own group takes the place of the mark. So
//! the stack keeps the order of a depth-first walk, however many workers read, and holds no more
//! than the groups of some paths from the root down.
//!
//! All of it is a cache. The consumer has its own list of what it wants, and reads by itself
//! what is not here; so nothing that is missing, late or thrown away can change what it gets,
//! and it can never wait for ever: it waits only for a subdirectory that a worker reads now.
//!
//! What is read ahead and not yet taken is bounded by [`DIRS_AHEAD_MAX`] and
//! [`BYTES_AHEAD_MAX`]; each worker may exceed that by the directory that it reads.

use super::folder::{Folder, Subdirs, with_slash};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Directories that are read ahead.
pub(super) const DIRS_AHEAD_MAX: usize = 2048;

/// Bytes of names that are read ahead.
pub(super) const BYTES_AHEAD_MAX: usize = 6 << 20;

/// A number that is never used twice, so that what comes late can't meet another's group.
pub(super) type GroupId = u64;

/// A subdirectory: the group that it stands in, and its place among the directories there.
pub(super) type Place = (GroupId, u32);

/// Subdirectories of one directory.
pub(super) struct Group {
    /// The directory's path, to which names can be added.
    prefix: Vec<u8>,
    dirs: Arc<Subdirs>,
    /// Places in `dirs`, in the order of the walk.
    order: Vec<u32>,
    /// How many of `order` were given to workers.
    n_given: usize,
    slots: HashMap<u32, Slot>,
    /// The consumer has said which it wants, and in which order.
    is_settled: bool,
}

enum Slot {
    /// A worker, or the consumer, reads it.
    Reading,
    Read(Found),
}

/// A directory that was read.
pub(super) struct Found {
    pub(super) folder: Folder,
    /// Its subdirectories, if any can be entered.
    pub(super) group: Option<GroupId>,
}

enum Item {
    Group(GroupId),
    /// Somebody reads this one.
    Mark(Place),
}

/// What the plan has of a subdirectory.
pub(super) enum Asked {
    Read(Found),
    /// A worker reads it.
    Soon,
    /// Nobody reads it.
    Unread,
}

#[derive(Default)]
pub(super) struct Plan {
    groups: HashMap<GroupId, Group>,
    n_groups: GroupId,
    todo: Vec<Item>,
    n_ahead: usize,
    bytes_ahead: usize,
    /// The consumer changes the order: nothing is read ahead of what it has not seen.
    is_careful: bool,
    /// Links to directories are entered too.
    follows: bool,
}

impl Plan {
    /// A plan for a walk that enters links to directories, or not.
    pub(super) fn new(follows: bool) -> Plan {
        Plan { follows, ..Plan::default() }
    }

    /// Takes a subdirectory for the consumer.
    pub(super) fn ask(&mut self, (group, index): Place) -> Asked {
        let Some(group) = self.groups.get_mut(&group) else { return Asked::Unread };
        match group.slots.remove(&index) {
            None => Asked::Unread,
            Some(Slot::Reading) => {
                group.slots.insert(index, Slot::Reading);
                Asked::Soon
            }
            Some(Slot::Read(found)) => {
                self.n_ahead -= 1;
                self.bytes_ahead -= found.folder.n_bytes();
                Asked::Read(found)
            }
        }
    }

    /// The consumer reads a subdirectory by itself: nobody else shall.
    pub(super) fn begin(&mut self, place: Place) {
        let (id, index) = place;
        if let Some(group) = self.groups.get_mut(&id) {
            group.slots.insert(index, Slot::Reading);
            // The consumer keeps to the order: what stands before this one is behind it.
            let rest = &group.order[group.n_given..];
            let ahead = rest.iter().position(|&other| other == index);
            group.n_given += ahead.map_or(0, |ahead| ahead + 1);
            let is_group = |item: &Item| matches!(item, Item::Group(other) if *other == id);
            let above = self.todo.iter().rposition(is_group).map_or(self.todo.len(), |at| at + 1);
            self.todo.insert(above, Item::Mark(place));
        }
    }

    /// True while workers may read ahead.
    pub(super) fn has_room(&self) -> bool {
        self.n_ahead < DIRS_AHEAD_MAX && self.bytes_ahead < BYTES_AHEAD_MAX
    }

    /// True once it makes sense to wake workers that found no room.
    pub(super) fn has_much_room(&self) -> bool {
        self.n_ahead <= DIRS_AHEAD_MAX / 2 && self.bytes_ahead <= BYTES_AHEAD_MAX / 2
    }

    /// True if there is anything for a worker, perhaps.
    pub(super) fn has_work(&self) -> bool {
        self.todo.iter().any(|item| matches!(item, Item::Group(_)))
    }

    /// The subdirectory that is needed first and that nobody reads, with its path.
    pub(super) fn next(&mut self) -> Option<(Place, Vec<u8>)> {
        for at in (0..self.todo.len()).rev() {
            let Item::Group(id) = self.todo[at] else { continue };
            let Some(group) = self.groups.get_mut(&id) else {
                self.todo.remove(at);
                continue;
            };
            while let Some(&index) = group.order.get(group.n_given) {
                group.n_given += 1;
                if group.slots.contains_key(&index) {
                    continue;
                }
                group.slots.insert(index, Slot::Reading);
                let path = [&group.prefix, group.dirs.name(index as usize)].concat();
                self.todo.insert(at + 1, Item::Mark((id, index)));
                return Some(((id, index), path));
            }
            self.todo.remove(at);
        }
        None
    }

    /// A worker has read a subdirectory. What it could not read is not kept: the consumer shall
    /// meet the error itself, if it is still there.
    pub(super) fn store(&mut self, place: Place, path: &[u8], folder: Option<Folder>) {
        let group = self.replace_mark(place, path, folder.as_ref());
        let slots = self.groups.get_mut(&place.0).map(|group| &mut group.slots);
        let slot = slots.and_then(|slots| slots.get_mut(&place.1));
        match (slot, folder) {
            (Some(slot @ Slot::Reading), Some(folder)) => {
                self.n_ahead += 1;
                self.bytes_ahead += folder.n_bytes();
                *slot = Slot::Read(Found { folder, group });
            }
            (slot, _) => {
                if let Some(Slot::Reading) = slot
                    && let Some(group) = self.groups.get_mut(&place.0)
                {
                    group.slots.remove(&place.1);
                }
                group.into_iter().for_each(|group| self.discard(group));
            }
        }
    }

    /// A worker has not read a subdirectory that it took: others may.
    pub(super) fn give_back(&mut self, place: Place) {
        let (id, index) = place;
        let has_group = self.todo.iter().any(|item| matches!(item, Item::Group(it) if *it == id));
        let is_mark = |item: &Item| matches!(item, Item::Mark(other) if *other == place);
        let Some(at) = self.todo.iter().rposition(is_mark) else { return };
        match self.groups.get_mut(&id) {
            Some(group) if matches!(group.slots.get(&index), Some(Slot::Reading)) => {
                group.slots.remove(&index);
                let place = group.order.iter().position(|&other| other == index);
                group.n_given = group.n_given.min(place.unwrap_or(usize::MAX));
                if has_group {
                    self.todo.remove(at);
                } else {
                    self.todo[at] = Item::Group(id);
                }
            }
            _ => drop(self.todo.remove(at)),
        }
    }

    /// The consumer has read a subdirectory by itself, or its root.
    pub(super) fn keep(&mut self, place: Option<Place>, path: &[u8], folder: Folder) -> Found {
        let group = match place {
            Some(place) => {
                if let Some(group) = self.groups.get_mut(&place.0) {
                    group.slots.remove(&place.1);
                }
                self.replace_mark(place, path, Some(&folder))
            }
            None => self.add_group(path, &folder).inspect(|&group| {
                if !self.is_careful {
                    self.todo.push(Item::Group(group));
                }
            }),
        };
        Found { folder, group }
    }

    fn replace_mark(
        &mut self,
        place: Place,
        path: &[u8],
        folder: Option<&Folder>,
    ) -> Option<GroupId> {
        let is_mark = |item: &Item| matches!(item, Item::Mark(other) if *other == place);
        let at = self.todo.iter().rposition(is_mark);
        let group = folder.and_then(|folder| self.add_group(path, folder));
        match (at, group) {
            (Some(at), Some(group)) if !self.is_careful => self.todo[at] = Item::Group(group),
            (Some(at), _) => drop(self.todo.remove(at)),
            (None, _) => {}
        }
        group
    }

    fn add_group(&mut self, path: &[u8], folder: &Folder) -> Option<GroupId> {
        let n_dirs = folder.dirs.len();
        let may_enter = |index: &u32| self.follows || !folder.dirs.is_link(*index as usize);
        let order: Vec<_> = (0..n_dirs as u32).filter(may_enter).collect();
        if order.is_empty() {
            return None;
        }
        self.n_groups += 1;
        let group = Group {
            prefix: with_slash(path),
            dirs: folder.dirs.clone(),
            order,
            n_given: 0,
            slots: HashMap::new(),
            is_settled: false,
        };
        self.groups.insert(self.n_groups, group);
        Some(self.n_groups)
    }

    /// The consumer goes on below a directory as it found it.
    pub(super) fn settle(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.is_settled = true;
            if self.is_careful {
                self.todo.push(Item::Group(id));
            }
        }
    }

    /// The consumer has changed what it wants below a directory: it wants these, in this order.
    pub(super) fn change(&mut self, id: GroupId, order: Vec<u32>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let is_reordered = !order.is_sorted();
        let wanted: HashSet<u32> = order.iter().copied().collect();
        let unwanted = group.slots.extract_if(|index, _| !wanted.contains(index));
        let unwanted: Vec<_> = unwanted.map(|(_, slot)| slot).collect();
        (group.order, group.n_given) = (order, 0);
        unwanted.into_iter().for_each(|slot| self.discard_slot(slot));
        if is_reordered && !self.is_careful {
            self.become_careful(id);
        }
        self.settle(id);
    }

    /// From now on only below directories whose order is known. What was read ahead of them
    /// stays, if it is a subdirectory of one of these; what is deeper is of little use.
    fn become_careful(&mut self, current: GroupId) {
        self.is_careful = true;
        let children: Vec<_> = self.groups[&current].slots.values().filter_map(group_of).collect();
        for child in children {
            let slots = self.groups.get_mut(&child).map(|group| std::mem::take(&mut group.slots));
            slots.into_iter().flatten().for_each(|(_, slot)| self.discard_slot(slot));
            if let Some(group) = self.groups.get_mut(&child) {
                group.n_given = 0;
            }
        }
        let groups = &self.groups;
        self.todo.retain(|item| match item {
            Item::Group(id) => *id != current && groups.get(id).is_some_and(|it| it.is_settled),
            Item::Mark(_) => true,
        });
    }

    /// Forgets a group and all that was read below it.
    pub(super) fn discard(&mut self, group: GroupId) {
        let mut groups = vec![group];
        while let Some(id) = groups.pop() {
            let slots = self.groups.remove(&id).map(|group| group.slots);
            for slot in slots.into_iter().flatten().map(|(_, slot)| slot) {
                self.forget(&slot);
                groups.extend(group_of(&slot));
            }
        }
    }

    fn discard_slot(&mut self, slot: Slot) {
        self.forget(&slot);
        group_of(&slot).into_iter().for_each(|group| self.discard(group));
    }

    fn forget(&mut self, slot: &Slot) {
        if let Slot::Read(found) = slot {
            self.n_ahead -= 1;
            self.bytes_ahead -= found.folder.n_bytes();
        }
    }
}

fn group_of(slot: &Slot) -> Option<GroupId> {
    match slot {
        Slot::Reading => None,
        Slot::Read(found) => found.group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_given_again_in_its_place_and_nothing_else_is() {
        let mut plan = Plan::new(false);
        let mut dirs = Subdirs::default();
        [b"a", b"b", b"c"].iter().for_each(|name| dirs.push(*name, false));
        let folder = Folder { dirs: Arc::new(dirs), ..Folder::default() };
        plan.keep(None, b"/r", folder);
        let mut next =
            || plan.next().map(|(place, path)| (place, String::from_utf8(path).unwrap()));
        let given: Vec<_> = std::iter::from_fn(&mut next).collect();
        let paths = |given: &[(Place, String)]| -> Vec<String> {
            given.iter().map(|(_, path)| path.clone()).collect()
        };
        assert_eq!(paths(&given), ["/r/a", "/r/b", "/r/c"]);
        plan.give_back(given[2].0);
        plan.give_back(given[1].0);
        plan.store(given[0].0, b"/r/a", Some(Folder::default()));
        let mut next =
            || plan.next().map(|(place, path)| (place, String::from_utf8(path).unwrap()));
        assert_eq!(paths(&std::iter::from_fn(&mut next).collect::<Vec<_>>()), ["/r/b", "/r/c"]);
        assert!(matches!(plan.ask(given[0].0), Asked::Read(_)));
        assert!(matches!(plan.ask(given[1].0), Asked::Soon));
    }
}
