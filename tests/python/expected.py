"""The rows that a report must hold, by os.scandir and os.lstat with names as bytes.

A third opinion beside the command's and the Rust tests': it shares no line with either. It
walks by descriptors, since os.walk does not see what lies beyond PATH_MAX (40 of the 60 files
in the tree `long_path`), and since os.walk and os.fwalk read through symbolic links, which
changes their access times.
"""

import os
import stat

COLUMNS = (
    "inode,parent-inode,directory-depth,filename,fileExtension,UID,GID,st_size,st_dev,st_blocks,"
    "st_nlink,st_mode,st_atime,st_mtime,st_ctime,pw_fcount,pw_dirsum"
).split(",")

SNAPSHOTS = {b".snapshot", b".snapshots", b"~snapshot", b".zfs"}


def rows(root):
    """A tuple in the order of COLUMNS for each entry; of the mode, its octal digits."""
    yield from _below(os.open("/", os.O_PATH), root, root, 0, -1)


def _below(at, name, path, parent, depth):
    """The rows of the entry `name` in the folder `at`, and of everything below it."""
    info = os.lstat(name, dir_fd=at)
    if not stat.S_ISDIR(info.st_mode):
        yield _row(path, info, parent, depth, -1, 0)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NOATIME
    fd = os.open(name, flags, dir_fd=at)
    # os.listdir of a descriptor gives text only, so it is turned back.
    names = [os.fsencode(name) for name in os.listdir(fd)]
    entries = {name: os.lstat(name, dir_fd=fd) for name in names}
    size_sum = sum(entry.st_size for entry in entries.values())
    yield _row(path, info, parent, depth, len(entries), size_sum)
    for name, entry in entries.items():
        if not (stat.S_ISDIR(entry.st_mode) and name in SNAPSHOTS):
            yield from _below(fd, name, path + b"/" + name, info.st_ino, depth + 1)
    os.close(fd)


def _row(path, info, parent, depth, n_entries, size_sum):
    seconds = [ns // 10**9 for ns in (info.st_atime_ns, info.st_mtime_ns, info.st_ctime_ns)]
    extension = b"" if stat.S_ISDIR(info.st_mode) else _extension(path)
    return (
        info.st_ino,
        parent,
        depth,
        path.decode("utf-8", "replace"),
        extension.decode("utf-8", "replace"),
        info.st_uid,
        info.st_gid,
        info.st_size,
        info.st_dev,
        info.st_blocks,
        info.st_nlink,
        f"{info.st_mode:07o}",
        *seconds,
        n_entries,
        size_sum,
    )


def _extension(path):
    name = path.rpartition(b"/")[2]
    return name[1:].rpartition(b".")[2] if b"." in name[1:] else b""
