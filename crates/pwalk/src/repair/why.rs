//! Why an entry was not put right: what a repair says of everything that it leaves as it is.

use super::judge::Unfit;
use pwalk_engine::{Errno, Operation};
use std::fmt;

/// An entry that a repair leaves as it is, though it is not right, or could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its path.
    pub path: Vec<u8>,
    /// Why.
    pub why: Why,
}

/// Why an entry is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The walk could not see it, or not what is in it.
    Unseen(Operation, Errno),
    /// No directory above it has a group that it could get.
    NoGroup,
    /// A file with setuid or setgid.
    SetId,
    /// A file with capabilities, which a change of the group would remove.
    Capabilities,
    /// A device node.
    Device,
    /// It has an ACL.
    Acl,
    /// It has an ACL of a kind that can't be adjusted.
    OtherAcl,
    /// It has hard links outside of what was walked.
    HardLinks,
    /// More files with several links than can be kept in mind.
    TooManyLinks,
    /// It is immutable.
    Immutable,
    /// It is append-only.
    AppendOnly,
    /// It has changed since the plan was made, or is another entry now.
    ChangedSince,
    /// It is gone.
    Vanished,
    /// It is one of the system's.
    Protected,
    /// A directory whose setgid the system would drop, because whoever repairs it is not in its group.
    LosesSetgid,
    /// The system has refused a call.
    Failed(&'static str, Errno),
    /// The system has not refused, but the entry is not as it should be.
    NotTaken,
}

impl Why {
    /// One word for what kind of reason it is: a key of summaries.
    pub fn word(self) -> &'static str {
        match self {
            Why::Unseen(..) => "unseen",
            Why::NoGroup => "no_group",
            Why::SetId => "setuid",
            Why::Capabilities => "capabilities",
            Why::Device => "device",
            Why::Acl => "acl",
            Why::OtherAcl => "other_acl",
            Why::HardLinks => "hard_links",
            Why::TooManyLinks => "too_many_links",
            Why::Immutable => "immutable",
            Why::AppendOnly => "append_only",
            Why::ChangedSince => "changed_since",
            Why::Vanished => "vanished",
            Why::Protected => "protected",
            Why::LosesSetgid => "loses_setgid",
            Why::Failed(..) => "failed",
            Why::NotTaken => "not_taken",
        }
    }

    /// The kernel's reason, where it was the kernel's.
    pub fn errno(self) -> Option<Errno> {
        match self {
            Why::Unseen(_, errno) | Why::Failed(_, errno) => Some(errno),
            _ => None,
        }
    }
}

impl From<Unfit> for Why {
    fn from(unfit: Unfit) -> Why {
        match unfit {
            Unfit::NoGroup => Why::NoGroup,
            Unfit::SetId => Why::SetId,
            Unfit::Device => Why::Device,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Unseen(operation, errno) => {
                return write!(f, "{}: {errno}", operation.name());
            }
            Why::Failed(call, errno) => return write!(f, "{call}: {errno}"),
            Why::NoGroup => "no directory above it has a group that it could get",
            Why::SetId => "is a file with setuid or setgid",
            Why::Capabilities => "has capabilities, which a change of the group would remove",
            Why::Device => "is a device node",
            Why::Acl => "has an access control list",
            Why::OtherAcl => "has an access control list of a kind that can't be adjusted",
            Why::HardLinks => "has hard links elsewhere",
            Why::TooManyLinks => {
                "has hard links, and there are too many such files to look for them"
            }
            Why::Immutable => "is immutable",
            Why::AppendOnly => "is append-only",
            Why::ChangedSince => "has changed since",
            Why::Vanished => "has vanished since",
            Why::Protected => "belongs to the system",
            Why::LosesSetgid => "would lose setgid, because you are not in its group",
            Why::NotTaken => "the system accepted the change without making it",
        })
    }
}
