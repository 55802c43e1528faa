//! Access control lists, as far as a repair must understand them. Pure: bytes in, bytes out.
//!
//! With a POSIX ACL the group's permission bits of the mode are its mask, and the owning group has an
//! entry of its own. Source of the format: `include/uapi/linux/posix_acl_xattr.h`, and for that of
//! NFSv4 the XDR of RFC 7530, section 6.2.1.

/// The attributes that hold them, and what they are called.
pub(crate) const POSIX_ACCESS: &[u8] = b"system.posix_acl_access";
const NFS4: [&[u8]; 3] = [b"system.nfs4_acl", b"system.nfs4_dacl", b"system.nfs4_acl_xdr"];
const OTHERS: [&[u8]; 2] = [b"system.richacl", b"security.NTACL"];

/// What kind of ACL an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AclKind {
    /// It can be adjusted.
    Posix,
    /// It may say no more than the mode does: [`nfs4_is_plain`].
    Nfs4,
    /// It is left alone.
    Other,
}

/// The kind of ACL that an attribute of this name holds, if it holds one.
pub(crate) fn kind_of(attribute: &[u8]) -> Option<AclKind> {
    match attribute {
        POSIX_ACCESS => Some(AclKind::Posix),
        name if NFS4.contains(&name) => Some(AclKind::Nfs4),
        name if OTHERS.contains(&name) => Some(AclKind::Other),
        _ => None,
    }
}

const VERSION: u32 = 2;
const HEADER_LEN: usize = 4;
const ENTRY_LEN: usize = 8;
const TAG_GROUP_OBJ: u16 = 0x04;
const TAG_MASK: u16 = 0x10;

/// A POSIX ACL in which the owning group may do what `group_bits` say (4: read, 2: write, 1: execute),
/// and the mask doesn't take it away, and that mask, which is what the mode shows. `None` if the
/// bytes are not one.
pub(crate) fn grant(acl: &[u8], group_bits: u32) -> Option<(Vec<u8>, u32)> {
    let (header, entries) = acl.split_first_chunk::<HEADER_LEN>()?;
    if u32::from_le_bytes(*header) != VERSION || entries.len() % ENTRY_LEN != 0 {
        return None;
    }
    let (mut granted, mut shown) = (header.to_vec(), None);
    let mut has_mask = false;
    for entry in entries.chunks_exact(ENTRY_LEN) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        let mut bits = u16::from_le_bytes([entry[2], entry[3]]);
        if tag == TAG_GROUP_OBJ || tag == TAG_MASK {
            bits |= group_bits as u16;
            has_mask |= tag == TAG_MASK;
            if tag == TAG_MASK || !has_mask {
                shown = Some(u32::from(bits));
            }
        }
        granted.extend(tag.to_le_bytes());
        granted.extend(bits.to_le_bytes());
        granted.extend(&entry[4..]);
    }
    Some((granted, shown?))
}

/// What both of two POSIX ACLs grant, if they are of the same users and groups.
pub(crate) fn common(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    join(a, b, |_, a, b| Some(a & b))
}

/// True for POSIX ACLs that differ in nothing but the mask, which every change of a mode sets.
pub(crate) fn is_same_but_mask(a: &[u8], b: &[u8]) -> bool {
    join(a, b, |tag, a, b| (a == b || tag == TAG_MASK).then_some(a)).is_some()
}

/// An ACL whose permissions are made from those of two with the same entries.
fn join(a: &[u8], b: &[u8], bits: impl Fn(u16, u16, u16) -> Option<u16>) -> Option<Vec<u8>> {
    let is_whole = a.len() == b.len() && a.len() % ENTRY_LEN == HEADER_LEN;
    if !is_whole || a[..HEADER_LEN] != b[..HEADER_LEN] {
        return None;
    }
    let mut joined = a[..HEADER_LEN].to_vec();
    let entries = a[HEADER_LEN..].chunks_exact(ENTRY_LEN);
    for (a, b) in entries.zip(b[HEADER_LEN..].chunks_exact(ENTRY_LEN)) {
        if (&a[..2], &a[4..]) != (&b[..2], &b[4..]) {
            return None;
        }
        let number = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
        let bits = bits(number(a), number(&a[2..]), number(&b[2..]))?;
        joined.extend(&a[..2]);
        joined.extend(bits.to_le_bytes());
        joined.extend(&a[4..]);
    }
    Some(joined)
}

/// True for an NFSv4 ACL that speaks of the owner, the owning group and everyone alone, as a server
/// makes it from a mode.
pub(crate) fn nfs4_is_plain(acl: &[u8]) -> bool {
    const PLAIN: [&[u8]; 3] = [b"OWNER@", b"GROUP@", b"EVERYONE@"];
    let mut rest = acl;
    let Some(n_entries) = take_number(&mut rest) else { return false };
    for _ in 0..n_entries {
        let fixed: [_; 3] = std::array::from_fn(|_| take_number(&mut rest));
        let who_len = take_number(&mut rest).map(|len| len as usize);
        let Some(who) = who_len.filter(|_| fixed.iter().all(Option::is_some)) else {
            return false;
        };
        let Some(name) = rest.get(..who) else { return false };
        if !PLAIN.contains(&name) {
            return false;
        }
        // Padded to four bytes.
        rest = rest.get(who.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posix(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut acl = VERSION.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            acl.extend(tag.to_le_bytes());
            acl.extend(bits.to_le_bytes());
            acl.extend(id.to_le_bytes());
        }
        acl
    }

    const NOBODY: u32 = u32::MAX;

    #[test]
    fn the_owning_group_and_the_mask_are_given_what_is_missing_and_others_keep_theirs() {
        let before = posix(&[
            (0x01, 7, NOBODY),
            (0x02, 6, 1000),
            (0x04, 0, NOBODY),
            (0x08, 4, 2000),
            (0x10, 4, NOBODY),
            (0x20, 0, NOBODY),
        ]);
        let after = posix(&[
            (0x01, 7, NOBODY),
            (0x02, 6, 1000),
            (0x04, 5, NOBODY),
            (0x08, 4, 2000),
            (0x10, 5, NOBODY),
            (0x20, 0, NOBODY),
        ]);
        assert_eq!(grant(&before, 5), Some((after.clone(), 5)));
        assert_eq!(grant(&after, 5), Some((after, 5)));
    }

    #[test]
    fn bytes_that_are_no_posix_acl_are_not_changed() {
        let whole = posix(&[(0x01, 7, NOBODY), (0x04, 0, NOBODY), (0x20, 0, NOBODY)]);
        assert!(grant(&whole, 4).is_some());
        assert_eq!(grant(&whole[..whole.len() - 1], 4), None);
        assert_eq!(grant(b"", 4), None);
        assert_eq!(grant(&[3, 0, 0, 0], 4), None);
        assert_eq!(grant(&posix(&[(0x01, 7, NOBODY)]), 4), None);
    }

    #[test]
    fn two_acls_have_in_common_what_both_grant() {
        let acl =
            |group, mask, id| posix(&[(0x01, 7, NOBODY), (0x04, group, id), (0x10, mask, NOBODY)]);
        assert_eq!(common(&acl(5, 7, 1), &acl(4, 1, 1)), Some(acl(4, 1, 1)));
        assert!(is_same_but_mask(&acl(5, 7, 1), &acl(5, 0, 1)));
        assert!(!is_same_but_mask(&acl(5, 7, 1), &acl(4, 7, 1)));
        assert!(!is_same_but_mask(&acl(5, 7, 1), &acl(5, 7, 2)));
        assert_eq!(common(&acl(5, 7, 1), &acl(5, 7, 2)), None);
        for bytes in [&b""[..], b"abc", &acl(5, 7, 1)[..9]] {
            assert_eq!(common(bytes, bytes), None);
        }
    }

    fn nfs4(who: &[&str]) -> Vec<u8> {
        let mut acl = (who.len() as u32).to_be_bytes().to_vec();
        for name in who {
            for number in [0, 0, 0x1f, name.len() as u32] {
                acl.extend(number.to_be_bytes());
            }
            acl.extend(name.as_bytes());
            acl.resize(acl.len().next_multiple_of(4), 0);
        }
        acl
    }

    #[test]
    fn an_nfs4_acl_is_plain_if_it_names_nobody() {
        assert!(nfs4_is_plain(&nfs4(&["OWNER@", "GROUP@", "EVERYONE@"])));
        assert!(!nfs4_is_plain(&nfs4(&["OWNER@", "anna@example.org", "EVERYONE@"])));
        let whole = nfs4(&["OWNER@", "GROUP@"]);
        for len in 0..whole.len() - 2 {
            assert!(!nfs4_is_plain(&whole[..len]), "{len}");
        }
    }
}
