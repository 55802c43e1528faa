//! The rules: what an entry's group and permissions should be. Pure, without a look at the disk.

use bitflags::bitflags;
use pwalk_engine::{Kind, Stat};
use std::collections::BTreeSet;

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const OWNER_EXECUTES: u32 = 0o100;
const GROUP_READS: u32 = 0o040;
const GROUP_WRITES: u32 = 0o020;
const GROUP_EXECUTES: u32 = 0o010;

/// Permission bits, with setuid, setgid and sticky.
pub(crate) const MODE_BITS: u32 = pwalk_sys::MODE_BITS;

/// What is to be put right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Groups that are replaced wherever they are, besides root's and those of single users.
    pub(crate) change_gids: BTreeSet<u32>,
    /// The group that replaces them; `None`: that of the nearest directory above that has a good one.
    pub(crate) group: Option<u32>,
    /// The group may write, too.
    pub(crate) is_group_writable: bool,
}

bitflags! {
    /// Why an entry is changed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub(crate) struct Reasons: u8 {
        /// A directory without setgid.
        const SETGID = 1;
        /// A group that is root's, that of a single user, or listed.
        const GROUP = 1 << 1;
        /// The group can't read, or not search a directory.
        const READ = 1 << 2;
        /// The group can't write.
        const WRITE = 1 << 3;
        /// The owner may execute, the group may not.
        const EXECUTE = 1 << 4;
    }
}

/// The words for reasons, as plans and summaries have them.
const REASONS: [(Reasons, &str); 5] = [
    (Reasons::SETGID, "setgid"),
    (Reasons::GROUP, "group"),
    (Reasons::READ, "read"),
    (Reasons::WRITE, "write"),
    (Reasons::EXECUTE, "execute"),
];

impl Reasons {
    /// The words, in a fixed order.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        REASONS.into_iter().filter(move |(reason, _)| self.contains(*reason)).map(|(_, word)| word)
    }
}

/// What a rule says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is right as it is.
    Right,
    /// It gets these.
    Change(Change),
    /// It should be changed, and must not be.
    Skip(Unfit),
}

/// Permissions and group that an entry should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Of [`MODE_BITS`].
    pub(crate) mode: u32,
    pub(crate) gid: u32,
    pub(crate) reasons: Reasons,
}

/// Why an entry is not changed, as far as its inode tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// No directory above has a group that it could get.
    NoGroup,
    /// A file with setuid or setgid.
    SetId,
    /// A device node.
    Device,
}

impl Rules {
    /// True for a group that belongs to nobody who shares a folder: root's, the owner's own, or one
    /// that is listed.
    fn is_bad(&self, gid: u32, uid: u32) -> bool {
        gid == 0 || gid == uid || self.change_gids.contains(&gid)
    }

    /// The group that a directory passes on to what is below it.
    pub(crate) fn passed_on(&self, dir: &Stat) -> Option<u32> {
        (!self.is_bad(dir.gid, dir.uid)).then_some(dir.gid)
    }

    /// True for an entry that is as it should be, wherever it is.
    #[inline]
    pub(crate) fn is_right(&self, mode: u32, uid: u32, gid: u32) -> bool {
        self.judge(&Stat { mode, uid, gid, ..Stat::default() }, None) == Judgement::Right
    }

    /// What an entry should be. `above` is the group that the directories above it pass on.
    #[inline]
    pub(crate) fn judge(&self, stat: &Stat, above: Option<u32>) -> Judgement {
        let (kind, old) = (stat.kind(), stat.mode & MODE_BITS);
        if matches!(kind, Kind::Symlink | Kind::Unknown) {
            return Judgement::Right;
        }
        let (mode, mut reasons) = self.mode(kind, old);
        let mut gid = stat.gid;
        if self.is_bad(stat.gid, stat.uid) {
            match self.group.or(above) {
                Some(group) => gid = group,
                None => return Judgement::Skip(Unfit::NoGroup),
            }
        }
        if gid != stat.gid {
            reasons |= Reasons::GROUP;
        }
        match kind {
            _ if reasons.is_empty() => Judgement::Right,
            Kind::Char | Kind::Block => Judgement::Skip(Unfit::Device),
            Kind::File if old & (SETUID | SETGID) != 0 => Judgement::Skip(Unfit::SetId),
            _ => Judgement::Change(Change { mode, gid, reasons }),
        }
    }

    /// What the group of an entry with this mode should be able to do, as permission bits.
    pub(crate) fn group_bits(&self, kind: Kind, mode: u32) -> u32 {
        let mut wanted = match kind {
            Kind::Dir => GROUP_READS | GROUP_EXECUTES,
            Kind::File => GROUP_READS,
            // A pipe or socket lets in whom it is made to let in.
            _ => return 0,
        };
        if self.is_group_writable {
            wanted |= GROUP_WRITES;
        }
        if mode & OWNER_EXECUTES != 0 {
            wanted |= GROUP_EXECUTES;
        }
        wanted
    }

    /// The permissions that it should have, and why.
    fn mode(&self, kind: Kind, old: u32) -> (u32, Reasons) {
        let setgid = if kind == Kind::Dir { SETGID } else { 0 };
        let wanted = self.group_bits(kind, old) | setgid;
        let missing = wanted & !old;
        let searches = if kind == Kind::Dir { GROUP_READS | GROUP_EXECUTES } else { GROUP_READS };
        let mut reasons = Reasons::empty();
        reasons.set(Reasons::SETGID, missing & SETGID != 0);
        reasons.set(Reasons::READ, missing & searches != 0);
        reasons.set(Reasons::WRITE, missing & GROUP_WRITES != 0);
        reasons.set(Reasons::EXECUTE, kind == Kind::File && missing & GROUP_EXECUTES != 0);
        (old | wanted, reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIR: u32 = 0o040_000;
    const FILE: u32 = 0o100_000;

    fn entry(mode: u32, uid: u32, gid: u32) -> Stat {
        Stat { mode, uid, gid, ..Stat::default() }
    }

    fn change(mode: u32, gid: u32, reasons: Reasons) -> Judgement {
        Judgement::Change(Change { mode, gid, reasons })
    }

    #[test]
    fn each_rule_changes_what_it_says_and_nothing_else() {
        use Reasons as R;
        let rules = Rules::default();
        let cases = [
            (entry(DIR | 0o2750, 10, 50), Judgement::Right),
            (entry(DIR | 0o0750, 10, 50), change(0o2750, 50, R::SETGID)),
            (entry(DIR | 0o1700, 10, 50), change(0o3750, 50, R::SETGID | R::READ)),
            (entry(DIR | 0o2750, 10, 10), change(0o2750, 77, R::GROUP)),
            (entry(DIR | 0o2750, 10, 0), change(0o2750, 77, R::GROUP)),
            (entry(FILE | 0o644, 10, 50), Judgement::Right),
            (entry(FILE | 0o604, 10, 50), change(0o644, 50, R::READ)),
            (entry(FILE | 0o700, 10, 50), change(0o750, 50, R::READ | R::EXECUTE)),
            (entry(FILE | 0o600, 10, 10), change(0o640, 77, R::GROUP | R::READ)),
            (entry(FILE | 0o4755, 10, 50), Judgement::Right),
            (entry(FILE | 0o4755, 10, 0), Judgement::Skip(Unfit::SetId)),
            (entry(FILE | 0o2711, 10, 50), Judgement::Skip(Unfit::SetId)),
            (entry(0o010_600, 10, 10), change(0o600, 77, R::GROUP)),
            (entry(0o020_600, 10, 10), Judgement::Skip(Unfit::Device)),
            (entry(0o020_600, 10, 50), Judgement::Right),
            (entry(0o120_777, 10, 10), Judgement::Right),
        ];
        for (stat, expected) in cases {
            assert_eq!(rules.judge(&stat, Some(77)), expected, "{:o}", stat.mode);
        }
        assert_eq!(
            rules.judge(&entry(FILE | 0o600, 10, 10), None),
            Judgement::Skip(Unfit::NoGroup)
        );
    }

    #[test]
    fn the_group_may_write_only_if_that_is_asked_for() {
        let rules = Rules { is_group_writable: true, ..Rules::default() };
        let found = rules.judge(&entry(DIR | 0o2755, 10, 50), None);
        assert_eq!(found, change(0o2775, 50, Reasons::WRITE));
        let found = rules.judge(&entry(FILE | 0o640, 10, 50), None);
        assert_eq!(found, change(0o660, 50, Reasons::WRITE));
    }

    #[test]
    fn listed_groups_are_replaced_and_not_passed_on() {
        let rules = Rules { change_gids: [50].into(), ..Rules::default() };
        assert_eq!(rules.passed_on(&entry(DIR | 0o2755, 10, 50)), None);
        assert_eq!(rules.passed_on(&entry(DIR | 0o2755, 10, 51)), Some(51));
        let found = rules.judge(&entry(FILE | 0o644, 10, 50), Some(77));
        assert_eq!(found, change(0o644, 77, Reasons::GROUP));
        let rules = Rules { group: Some(99), ..rules };
        let found = rules.judge(&entry(FILE | 0o644, 10, 50), Some(77));
        assert_eq!(found, change(0o644, 99, Reasons::GROUP));
    }

    #[test]
    fn what_was_put_right_is_right() {
        let rules = Rules::default();
        for kind in [DIR, FILE, 0o010_000] {
            for (uid, gid, above) in [(10, 50, 77), (10, 10, 77), (10, 0, 10), (0, 0, 77)] {
                for mode in 0..0o10000 {
                    let before = entry(kind | mode, uid, gid);
                    if let Judgement::Change(made) = rules.judge(&before, Some(above)) {
                        let after = entry(kind | made.mode, uid, made.gid);
                        assert_eq!(rules.judge(&after, Some(above)), Judgement::Right);
                        assert_eq!(made.mode & mode, mode, "no permission is taken away");
                    }
                }
            }
        }
    }
}
