"""Trees drawn by Hypothesis, with names that hurt and links that go round in circles.

A tree is a dictionary from names to a tree (a folder), None (a file) or bytes (a link's target).
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st

NAMES = [
    *[b"a", b"b", b"c", b"d", b"-", b" ", b"a b", b"new\nline", b"caf\xc3\xa9", b"not \xff utf8"],
    *[b"\xed\xa0\x80", b"..a", b"a.", b".hidden", b'"', b"*", b"\\", b"\x01", b"x" * 255],
]
# From no folder of a tree do they lead out of the two folders above it, where nothing else is.
TARGETS = [b".", b"..", b"../..", b"a", b"b", b"../a", b"../b", b"c/a", b"missing", b"a/missing"]

# With links that go round, a tree has no end that could be waited for.
LIMIT = 300

names = st.sampled_from(NAMES) | st.binary(min_size=1, max_size=5).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)


def trees(targets=()):
    """Trees of about 30 entries at the most, with links to these targets."""
    leaves = st.none() | st.sampled_from(targets) if targets else st.none()
    entries = st.recursive(
        leaves, lambda below: st.dictionaries(names, below, max_size=5), max_leaves=20
    )
    return st.dictionaries(names, entries, max_size=5)


def build(top, tree):
    """Makes the tree, always in the same order of calls."""
    os.mkdir(top)
    for name, content in tree.items():
        path = os.path.join(os.fsencode(top), name)
        if content is None:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        elif isinstance(content, bytes):
            os.symlink(content, path)
        else:
            build(path, content)


def folders(top, tree):
    """The folders of a tree, those below first."""
    for name, content in tree.items():
        if isinstance(content, dict):
            yield from folders(os.path.join(top, name), content)
    yield top


def as_text_or_bytes(path, as_bytes):
    """The same path (bytes) in one of the two kinds."""
    return path if as_bytes else os.fsdecode(path)


@contextlib.contextmanager
def place(parent):
    """A path (bytes) for a tree, with two folders above it that hold nothing else."""
    box = Path(tempfile.mkdtemp(dir=parent))
    box.chmod(0o755)
    holder = box / "holder"
    holder.mkdir()
    yield os.fsencode(holder / "top")
    shutil.rmtree(box)
