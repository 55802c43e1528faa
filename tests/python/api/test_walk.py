"""`walk` delivers what `os.walk` delivers: the same triples and errors in the same order."""

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pwalk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import drawn
from api.drawn import LIMIT, as_text_or_bytes
from api.process import ordinary_user, python
from api.transcript import (
    assert_equal,
    assert_same_walk,
    ours,
    transcript,
)

SNAPSHOTS = {".snapshot", ".snapshots", "~snapshot", ".zfs"}
BOTH_WAYS = pytest.mark.parametrize("topdown", [True, False])

directions = st.booleans()
workers = st.sampled_from([None, 1, 2, 8])


# Whole trees


@given(drawn.trees(drawn.TARGETS), directions, st.booleans(), st.booleans(), workers)
def test_any_tree(public, tree, topdown, followlinks, as_bytes, max_threads):
    with drawn.place(public) as top:
        drawn.build(top, tree)
        options = {"topdown": topdown, "followlinks": followlinks, "max_threads": max_threads}
        assert_same_walk(as_text_or_bytes(top, as_bytes), limit=LIMIT, **options)


modes = st.lists(st.sampled_from([0o777, 0o555, 0o444, 0o333, 0o111, 0]), min_size=1, max_size=5)


@given(drawn.trees(drawn.TARGETS), modes, directions, st.booleans())
def test_any_permissions_of_an_ordinary_user(public, tree, modes, topdown, followlinks):
    with drawn.place(public) as top:
        drawn.build(top, tree)
        folders = list(drawn.folders(top, tree))
        for n, folder in enumerate(folders):
            os.chmod(folder, modes[n % len(modes)])
        try:
            with ordinary_user():
                assert_same_walk(top, topdown=topdown, followlinks=followlinks, limit=LIMIT)
        finally:
            for folder in reversed(folders):
                os.chmod(folder, 0o777)


@BOTH_WAYS
@pytest.mark.parametrize("followlinks", [True, False])
def test_every_fixture_tree(trees, topdown, followlinks):
    found = [path for path in sorted(trees.iterdir()) if path.is_dir()]
    assert len(found) > 10
    for top in found:
        assert_same_walk(str(top), topdown=topdown, followlinks=followlinks, limit=3000)


@BOTH_WAYS
@pytest.mark.parametrize("top", ["/usr/lib/python3", "/usr/include", "/usr/share/doc"])
def test_a_part_of_the_system(top, topdown):
    # Where there is none, both find nothing.
    assert_same_walk(top, topdown=topdown)


@BOTH_WAYS
def test_many_files(large, topdown):
    triples = assert_same_walk(str(large), topdown=topdown)
    assert len(triples) == 201


@BOTH_WAYS
def test_t18_depth_is_no_recursion(public, topdown):
    top = f"{public}/deep-{topdown}"
    path = top
    os.mkdir(path)
    for _ in range(1500):
        path += "/d"
        os.mkdir(path)
    got = transcript(ours, top, topdown=topdown)
    # Before Python 3.12 os.walk is recursive.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        assert_equal(got, transcript(os.walk, top, topdown=topdown))
    finally:
        sys.setrecursionlimit(before)
    assert len(got) == 1501


# Tops


@pytest.fixture
def inside(tree, monkeypatch):
    """The small tree, which is the working directory, too."""
    monkeypatch.chdir(tree)
    (tree / "to_itself").symlink_to("to_itself")
    return tree


FOLDERS = [".", "./", "..", "a", "a/", "a//", "./a", "a/../a", "a/.", "to_a", "to_a/"]
NO_FOLDERS = ["", "dangling", "to_itself", "missing", "missing/", "1.txt", "1.txt/", "x" * 300]


@BOTH_WAYS
@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("top", FOLDERS + NO_FOLDERS)
def test_relative_tops(inside, top, as_bytes, topdown):
    assert_same_walk(os.fsencode(top) if as_bytes else top, topdown=topdown)


KINDS = [str, os.fsencode, Path, PurePosixPath, "{}/".format, "{}//".format]


@BOTH_WAYS
@pytest.mark.parametrize("wrap", KINDS)
def test_absolute_tops(tree, wrap, topdown):
    assert len(assert_same_walk(wrap(tree), topdown=topdown)) == 7


@pytest.mark.parametrize("top", ["/", b"/", "//", "/."])
def test_the_root_of_the_system(top):
    assert_same_walk(top, limit=1)


class BytesPath:
    """A path-like object whose path is not text."""

    def __init__(self, path):
        self.path = os.fsencode(path)

    def __fspath__(self):
        return self.path


def test_a_path_like_object_of_bytes(tree):
    assert_same_walk(BytesPath(tree))


@BOTH_WAYS
def test_a_relative_top_while_the_working_directory_changes(inside, tmp_path, topdown):
    # os.walk loses the rest of the tree, and says not to do this. What we find must be true.
    def elsewhere(n, dirpath, dirnames):
        os.chdir(tmp_path)

    complete = transcript(os.walk, "a", topdown=topdown)
    lost = transcript(os.walk, "a", topdown=topdown, step=elsewhere)
    os.chdir(inside)
    got = transcript(ours, "a", topdown=topdown, step=elsewhere)
    assert got in (complete, lost)
    assert len(complete) == 4


def test_a_relative_top_is_looked_up_at_the_first_step(inside):
    walks = [walk("x") for walk in (os.walk, pwalk.walk)]
    os.chdir("a")
    expected, got = map(list, walks)
    assert got == expected and len(got) == 2


# Errors


@BOTH_WAYS
def test_errors_reach_onerror_in_their_place(public, topdown):
    top = public / f"errors-{topdown}"
    for n in range(8):
        (top / f"outer-{n}" / "inner" / "below").mkdir(parents=True)
        (top / f"outer-{n}" / "file").touch()
    for n, mode in enumerate([0, 0o111, 0o333, 0o444, 0o555]):
        (top / f"outer-{n}" / "inner").chmod(mode)
        (top / f"outer-{n + 3}").chmod(mode)
    with ordinary_user():
        seen = assert_same_walk(str(top), topdown=topdown)
    assert sum(event[0] == "onerror" for event in seen) > 5


def _walk_to_the_error(walk, top, **options):
    """What is seen until `onerror` raises, and what comes after that."""
    error = LookupError("stop here")

    def onerror(_):
        raise error

    triples = walk(top, onerror=onerror, **options)
    seen = []
    with pytest.raises(LookupError) as raised:
        for triple in triples:
            seen.append(triple)
            # Names that are not there, so that there is an error for root, too.
            triple[1].insert(1, "missing")
    assert raised.value is error
    return seen, list(triples)


def test_an_error_raised_by_onerror_ends_the_walk(tree):
    got, expected = (_walk_to_the_error(walk, tree) for walk in (pwalk.walk, os.walk))
    assert got == expected
    assert len(got[0]) > 1 and got[1] == []


def test_an_onerror_that_is_no_function_fails_where_it_is_called(tree):
    for onerror in (5, "text", 0, False):
        assert len(list(pwalk.walk(tree, onerror=onerror))) == 7
        with pytest.raises(TypeError):
            list(pwalk.walk(tree / "missing", onerror=onerror))


# Arguments


def test_arguments_by_position_and_by_name(tree):
    expected = list(os.walk(tree, False, None, True))
    assert list(pwalk.walk(tree, False, None, True)) == expected
    assert list(pwalk.walk(top=tree, topdown=False, onerror=None, followlinks=True)) == expected
    assert list(pwalk.walk(tree, topdown=0, followlinks="yes")) == expected
    with pytest.raises(TypeError):
        pwalk.walk(tree, True, None, False, 2)
    with pytest.raises(TypeError):
        pwalk.walk()
    with pytest.raises(TypeError, match="follow_links"):
        pwalk.walk(tree, follow_links=True)


class Raising:
    """A path-like object that has no path."""

    def __fspath__(self):
        raise LookupError


class Numeric:
    """A path-like object that breaks its promise."""

    def __fspath__(self):
        return 5


def _moment(walk, top):
    """When does it fail, and how?"""
    try:
        triples = walk(top)
    except Exception as error:
        return "at the call", type(error)
    try:
        next(triples)
    except Exception as error:
        return "at the first step", type(error)
    return None


WRONG_TOPS = [None, 5, True, 1.5, [], object(), Raising(), Numeric(), bytearray(b".")]
WRONG_TOPS += ["a\0b", b"a\0b", "\ud800"]


@pytest.mark.parametrize("top", WRONG_TOPS, ids=lambda top: repr(top)[:12])
def test_wrong_tops_fail_at_the_same_moment(top):
    expected = _moment(os.walk, top)
    assert _moment(pwalk.walk, top) == expected
    assert expected is not None


@pytest.mark.parametrize(
    "name, value, error",
    [
        ("max_threads", 0, ValueError),
        ("max_threads", -1, ValueError),
        ("max_threads", 2**70, ValueError),
        ("max_threads", "two", TypeError),
        ("max_threads", 1.5, TypeError),
        ("progress_callback", 5, TypeError),
        ("progress_interval", -1, ValueError),
        ("progress_interval", float("nan"), ValueError),
        ("progress_interval", "often", TypeError),
    ],
)
def test_wrong_arguments_are_named(tree, name, value, error):
    with pytest.raises(error, match=name):
        next(pwalk.walk(tree, **{name: value}))


# Snapshots


@BOTH_WAYS
def test_snapshots_are_not_entered_unless_asked_for(trees, topdown):
    top = str(trees / "snapshots")
    everything = list(os.walk(top, topdown))
    inside = [triple for triple in everything if SNAPSHOTS & set(Path(triple[0]).parts)]
    outside = [triple for triple in everything if triple not in inside]
    assert inside

    def without_names(triples):
        # Whether their names are listed is left open.
        return [(path, sorted({*dirs} - SNAPSHOTS), files) for path, dirs, files in triples]

    assert without_names(pwalk.walk(top, topdown)) == without_names(outside)
    assert list(pwalk.walk(top, topdown, ignore_snapshots=False)) == everything


def test_a_top_that_is_a_snapshot_is_walked(trees):
    top = str(trees / "snapshots" / ".snapshot")
    folders = [path for path, _, _ in pwalk.walk(top)]
    assert folders[0] == top and len(folders) > 1


# Descriptors

FEW = """
import os, resource, sys
import pwalk

top, n_spare, n_threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
expected = list(os.walk(top))
lowest_free = os.dup(0)
os.close(lowest_free)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + n_spare, hard))
errors = []
walked = list(pwalk.walk(top, onerror=errors.append, max_threads=n_threads))
assert errors == [], errors[:3]
assert walked == expected, (len(walked), len(expected))
"""


@pytest.mark.parametrize("n_spare", [1, 2, 5])
def test_t45_few_descriptors_cost_no_directory(large, n_spare):
    python(FEW, large, str(n_spare), "64")


def test_t45_walks_of_one_process_leave_each_other_descriptors(large):
    program = """
import os, resource, sys, threading
import pwalk

expected = list(os.walk(sys.argv[1]))
lowest_free = os.dup(0)
os.close(lowest_free)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 4, hard))
walked = []

def walk():
    walked.append(list(pwalk.walk(sys.argv[1], max_threads=8)))

threads = [threading.Thread(target=walk) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert walked == [expected] * 4, [len(triples) for triples in walked]
"""
    python(program, large)


def test_the_limit_of_descriptors_stays_as_it_was(tree, tmp_path):
    program = """
import resource, sys
import pwalk

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
list(pwalk.walk(sys.argv[1]))
len(pwalk.scan(sys.argv[1]))
pwalk.report(sys.argv[1], sys.argv[2])
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
"""
    python(program, tree, tmp_path / "out.csv")


def test_a_directory_that_was_removed_after_it_was_opened_is_empty(tmp_path):
    script = """
import os, sys
import pwalk
os.makedirs("gone")
os.chdir("gone")
os.rmdir("../gone")
for walk in os.walk, pwalk.walk:
    errors = []
    assert list(walk(".", onerror=errors.append)) == [(".", [], [])], walk
    assert not errors, errors
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
