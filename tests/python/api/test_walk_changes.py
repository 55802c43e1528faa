"""`walk` heeds what its consumer does, as `os.walk` does: to `dirnames`, and to the tree itself.

Who changes the tree while it is walked gets what the documentation of `os.walk` promises:
folders that were created, renamed or removed count if the consumer says so in `dirnames`. What
else changes is seen or not, since workers may have read a folder before the change or after it:
entries that come or go in a folder whose turn is yet to come, and what else a name stands for
that stays in `dirnames`. Of such changes only that is tested which must not happen. Nor is a
list tested that is changed after the walk went on: the versions of `os.walk` differ there.
"""

import os
import random
import shutil
from pathlib import Path, PurePosixPath

import pwalk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import drawn
from api.drawn import LIMIT, as_text_or_bytes
from api.process import python, strace
from api.transcript import (
    assert_equal,
    assert_same_walk,
    assert_same_walk_of_twins,
    ours,
    transcript,
)

directions = st.booleans()


# What the consumer does to dirnames


def _prune(dirnames, how, at):
    """What consumers do to dirnames; `at` is a number that says where."""
    at %= len(dirnames) or 1
    name = dirnames[at : at + 1]
    match how:
        case "delete":
            dirnames[at : at + 1] = []
        case "clear":
            dirnames.clear()
        case "front":
            dirnames[:] = dirnames[at:]
        case "half":
            del dirnames[::2]
        case "reverse":
            dirnames.reverse()
        case "sort":
            dirnames.sort()
        case "shuffle":
            random.Random(at).shuffle(dirnames)
        case "twice":
            dirnames += name
        case "path":
            # A path-like object is text, and does not go with bytes.
            dirnames[at : at + 1] = [n if isinstance(n, bytes) else PurePosixPath(n) for n in name]
        case _ if name:
            spelled = how.format(os.fsdecode(name[0]))
            dirnames[at] = os.fsencode(spelled) if isinstance(name[0], bytes) else spelled


PRUNINGS = ["nothing", "delete", "clear", "front", "half", "reverse", "sort", "shuffle", "twice"]
PRUNINGS += ["path", "./{}", "{}/", "{}//.", "missing", ".//{}/../{}"]


@given(
    drawn.trees([b"a", b"../a", b"missing"]),
    st.lists(st.tuples(st.sampled_from(PRUNINGS), st.integers(0, 20)), min_size=1, max_size=8),
    directions,
    st.booleans(),
    st.booleans(),
)
def test_dirnames_changed_in_place(public, tree, prunings, topdown, followlinks, as_bytes):
    def step(n, dirpath, dirnames):
        _prune(dirnames, *prunings[n % len(prunings)])

    with drawn.place(public) as top:
        drawn.build(top, tree)
        options = {"topdown": topdown, "followlinks": followlinks, "limit": LIMIT}
        assert_same_walk(as_text_or_bytes(top, as_bytes), step=step, **options)


MISPLACED = ["", "missing", "1.txt", "to_a", "dangling", "a/x", "a/./x/", "/nowhere", "x" * 300]
MISPLACED += ["x/" * 3000, b"a", 5, None, 1.5, [], Path("a"), "a\0b", "\ud800", "\udcff"]


@pytest.mark.parametrize("name", MISPLACED, ids=lambda name: repr(name)[:20])
@pytest.mark.parametrize("followlinks", [False, True])
@pytest.mark.parametrize("wrap", [str, os.fsencode])
def test_what_should_not_stand_in_dirnames(tree, name, wrap, followlinks):
    def step(n, dirpath, dirnames):
        if n == 0:
            # In front, since versions of os.walk differ in what they visit before they find it.
            dirnames.insert(0, name)

    assert_same_walk(wrap(tree), step=step, followlinks=followlinks)


def test_names_that_lead_out_of_the_tree(tree):
    def step(n, dirpath, dirnames):
        if n == 0:
            dirnames[:] = ["..", str(tree / "b"), "../a"]

    assert len(assert_same_walk(str(tree / "a"), step=step)) == 1 + 7 + 1 + 4


def test_the_lists_belong_to_the_consumer(tree):
    triples = list(pwalk.walk(tree, topdown=False))
    lists = [names for _, *both in triples for names in both]
    assert len({id(names) for names in lists}) == len(lists)


# What the consumer does to the tree


def _is_folder(path):
    return os.path.isdir(path) and not os.path.islink(path)


def _change(n, dirpath, dirnames, how, at):
    """Changes the folder that was just delivered, and says so in `dirnames`."""
    folders = [name for name in dirnames if _is_folder(os.path.join(dirpath, name))]
    name = folders[at % len(folders)] if folders else None
    new = os.fsencode(f"new-{n}")
    match how:
        case "create" if n < 20:
            os.makedirs(os.path.join(dirpath, new, b"below"))
            Path(os.fsdecode(os.path.join(dirpath, new, b"file"))).touch()
            dirnames.insert(at % (len(dirnames) + 1), new)
        case "rename" if name:
            os.rename(os.path.join(dirpath, name), os.path.join(dirpath, new))
            dirnames[dirnames.index(name)] = new
        case "remove" if name:
            shutil.rmtree(os.path.join(dirpath, name))
            dirnames.remove(name)
        case "add a file":
            Path(os.fsdecode(os.path.join(dirpath, new))).touch()
        case "remove files":
            for entry in list(os.scandir(dirpath)):
                if not entry.is_dir():
                    os.remove(entry.path)


CHANGES = ["nothing", "create", "rename", "remove", "add a file", "remove files"]


@given(
    drawn.trees(),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 20)), min_size=1, max_size=8),
)
def test_folders_created_renamed_and_removed_as_dirnames_says(public, tree, changes):
    with drawn.place(public) as top:

        def build():
            shutil.rmtree(top, ignore_errors=True)
            drawn.build(top, tree)
            return top

        def step(n, dirpath, dirnames):
            _change(n, dirpath, dirnames, *changes[n % len(changes)])

        assert_same_walk_of_twins(build, step=step, limit=LIMIT)


@given(drawn.trees([b".", b"missing"]), st.booleans())
def test_a_tree_removed_from_below(public, tree, as_bytes):
    def step(n, dirpath, dirnames):
        for entry in list(os.scandir(dirpath)):
            if entry.is_dir(follow_symlinks=False):
                os.rmdir(entry.path)
            else:
                os.remove(entry.path)

    with drawn.place(public) as top:

        def build():
            assert not os.path.exists(top) or not os.listdir(top)
            shutil.rmtree(top, ignore_errors=True)
            drawn.build(top, tree)
            return as_text_or_bytes(top, as_bytes)

        seen = assert_same_walk_of_twins(build, step=step, topdown=False)
        assert os.listdir(top) == []
        assert len(seen) == len(list(drawn.folders(top, tree)))


def _mark(n, path):
    """Adds a marked file and a marked folder, or removes those of an earlier call."""
    file, folder = os.path.join(path, b"marked-file"), os.path.join(path, b"marked")
    if os.path.exists(folder):
        os.rmdir(folder)
        os.remove(file)
    else:
        os.mkdir(folder)
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY))


def _unmarked(seen):
    """What was seen, without what came and went, and was perhaps gone before its turn."""
    for *kinds, dirpath, dirnames, filenames in (event for event in seen if event[0] is tuple):
        if not dirpath.endswith(b"/marked"):
            lists = [[n for n in names if b"marked" not in n] for names in (dirnames, filenames)]
            yield *kinds, dirpath, *lists


@given(drawn.trees(), st.lists(st.integers(0, 1000), min_size=1, max_size=10), directions)
def test_what_stays_is_delivered_once_whatever_changes_around_it(public, tree, places, topdown):
    with drawn.place(public) as top:
        drawn.build(top, tree)
        folders = list(drawn.folders(top, tree))
        expected = transcript(os.walk, top, topdown=topdown)

        def step(n, dirpath, dirnames):
            _mark(n, folders[places[n % len(places)] % len(folders)])

        # A marked folder that is gone before its turn may be reported.
        got = transcript(ours, top, topdown=topdown, step=step)
        assert_equal(list(_unmarked(got)), expected)


def test_a_folder_replaced_by_a_link_is_not_a_way_out(tmp_path):
    secret = tmp_path / "secret"
    (secret / "below").mkdir(parents=True)
    (secret / "key").touch()
    top = tmp_path / "top"
    names = [f"folder-{n:03}" for n in range(100)]
    for name in names:
        (top / name).mkdir(parents=True)
        (top / name / "harmless").touch()
    seen = []
    for dirpath, _, filenames in pwalk.walk(top):
        seen += [dirpath, *filenames]
        if dirpath == str(top):
            for name in names:
                shutil.rmtree(top / name)
                (top / name).symlink_to(secret)
    assert "key" not in seen and not any(path.endswith("below") for path in seen)


PRUNES = """
import os, sys, time
import pwalk

start, seen = time.monotonic(), []
for dirpath, dirnames, _ in pwalk.walk(sys.argv[1], max_threads=2):
    seen.append(os.path.basename(dirpath))
    if "hangs" in dirnames:
        time.sleep(0.5)  # Meanwhile a thread begins to read it.
        dirnames.remove("hangs")
assert sorted(seen[-3:]) == ["m", "x", "y"] and len(seen) == 74, seen
assert time.monotonic() - start < 6
"""


def test_t49_a_folder_that_does_not_answer_is_not_waited_for_once_it_is_pruned(tmp_path):
    chain = Path(tmp_path, *(f"{n}" for n in range(70)), "m")
    for name in ("hangs", "x", "y"):
        (chain / name).mkdir(parents=True)
    slow = ["-e", "trace=getdents64", "-e", "inject=getdents64:delay_enter=8s"]
    prefix = strace("-o", "/dev/null", "-P", str(chain / "hangs"), *slow)
    python(PRUNES, tmp_path, prefix=prefix)
