"""The rows that a report must hold, by os.scandir and os.lstat with names as bytes.

A third opinion beside the command's and the Rust tests': it shares no line with either. It
walks by descriptors, since os.walk does not see what lies beyond PATH_MAX (40 of the 60 files
in the tree `long_path`), and since os.walk and os.fwalk read through symbolic links, which
changes their access times.
"""

import grp
import os
import pwd
import stat
from typing import NamedTuple

SNAPSHOTS = {b".snapshot", b".snapshots", b"~snapshot", b".zfs"}

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


class Entry(NamedTuple):
    """What the walk found; `n_entries` and `size_sum` are None but for a directory it read."""

    path: bytes
    info: os.stat_result
    parent: int
    depth: int
    n_entries: int | None
    size_sum: int | None


def _text(name):
    return name.decode("utf-8", "replace")


def is_utf8(name):
    """True if the bytes are a text."""
    return name == _text(name).encode()


def _extension(entry):
    name = entry.path.rpartition(b"/")[2]
    has_one = b"." in name[1:] and not stat.S_ISDIR(entry.info.st_mode)
    return _text(name[1:].rpartition(b".")[2]) if has_one else ""


def _name_or_none(look_up, number):
    try:
        return look_up(number)[0]
    except KeyError:
        return None


def _target(entry):
    """Where a link points to. It is read when asked for: that changes the link's access time."""
    return _text(os.readlink(entry.path)) if stat.S_ISLNK(entry.info.st_mode) else None


def kind(mode):
    """The kind of entry that a mode tells."""
    return KINDS[stat.S_IFMT(mode)]


# How each column follows from an entry: those of the CSV, those of the other formats, and those
# on request. The creation time is not among them, since os.lstat does not tell it.
_OF_CSV = {
    "inode": lambda entry: entry.info.st_ino,
    "parent-inode": lambda entry: entry.parent,
    "directory-depth": lambda entry: entry.depth,
    "filename": lambda entry: _text(entry.path),
    "fileExtension": _extension,
    "UID": lambda entry: entry.info.st_uid,
    "GID": lambda entry: entry.info.st_gid,
    "st_size": lambda entry: entry.info.st_size,
    "st_dev": lambda entry: entry.info.st_dev,
    "st_blocks": lambda entry: entry.info.st_blocks,
    "st_nlink": lambda entry: entry.info.st_nlink,
    "st_mode": lambda entry: entry.info.st_mode,
    "st_atime": lambda entry: entry.info.st_atime_ns // 10**9,
    "st_mtime": lambda entry: entry.info.st_mtime_ns // 10**9,
    "st_ctime": lambda entry: entry.info.st_ctime_ns // 10**9,
    "pw_fcount": lambda entry: entry.n_entries,
    "pw_dirsum": lambda entry: entry.size_sum,
}
_OF_ALL = _OF_CSV | {
    "kind": lambda entry: kind(entry.info.st_mode),
    "filename_bytes": lambda entry: None if is_utf8(entry.path) else entry.path,
}
_EXTRA = {
    "user": lambda entry: _name_or_none(pwd.getpwuid, entry.info.st_uid),
    "group": lambda entry: _name_or_none(grp.getgrgid, entry.info.st_gid),
    "st_atime_ns": lambda entry: entry.info.st_atime_ns % 10**9,
    "st_mtime_ns": lambda entry: entry.info.st_mtime_ns % 10**9,
    "st_ctime_ns": lambda entry: entry.info.st_ctime_ns % 10**9,
    "st_rdev": lambda entry: entry.info.st_rdev,
    "st_blksize": lambda entry: entry.info.st_blksize,
    "target": _target,
}

CSV_COLUMNS = list(_OF_CSV)
COLUMNS = list(_OF_ALL)
EXTRA_COLUMNS = list(_EXTRA)


def rows(root, max_depth=None):
    """The table of a tree, sorted, with the columns COLUMNS."""
    return table(entries(root, max_depth), COLUMNS)


def table(found, columns):
    """The sorted rows of these entries, with these columns."""
    of = [(_OF_ALL | _EXTRA)[column] for column in columns]
    return sorted(tuple(value(entry) for value in of) for entry in found)


def rows_in(family, rows):
    """The table of `rows` in this family of formats: a CSV has it in its own way."""
    return sorted(map(_as_in_csv, rows)) if family == "csv" else rows


def _as_in_csv(row):
    """What a CSV makes of a row with the columns COLUMNS: no nulls, and an octal mode."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["st_mode"] = f"{values['st_mode']:07o}"
    if values["pw_fcount"] is None:
        values["pw_fcount"] = 0 if values["kind"] == "dir" else -1
        values["pw_dirsum"] = 0
    return tuple(values[column] for column in CSV_COLUMNS)


def entries(root, max_depth=None):
    """Every entry of a tree, of those that lie at most `max_depth` levels below its root."""
    levels = float("inf") if max_depth is None else max_depth
    yield from _below(os.open("/", os.O_PATH), root, root, 0, -1, levels)


def _below(at, name, path, parent, depth, levels):
    """The entry `name` in the folder `at`, and `levels` levels of what is below it."""
    info = os.lstat(name, dir_fd=at)
    if not stat.S_ISDIR(info.st_mode) or levels == 0:
        yield Entry(path, info, parent, depth, None, None)
        return
    fd = _open(at, name)
    # os.listdir of a descriptor gives text only, so it is turned back.
    names = [os.fsencode(name) for name in os.listdir(fd)]
    inodes = {name: os.lstat(name, dir_fd=fd) for name in names}
    size_sum = sum(inode.st_size for inode in inodes.values())
    yield Entry(path, info, parent, depth, len(inodes), size_sum)
    for name, inode in inodes.items():
        if not (stat.S_ISDIR(inode.st_mode) and name in SNAPSHOTS):
            yield from _below(fd, name, path + b"/" + name, info.st_ino, depth + 1, levels - 1)
    os.close(fd)


def _open(at, name):
    """Opens a directory, without a trace in its access time where that is allowed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=at)
    except PermissionError:
        return os.open(name, flags, dir_fd=at)
