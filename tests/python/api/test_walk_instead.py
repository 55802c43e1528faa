"""`os.walk = pwalk.walk`: the standard library and its own tests, audits, what `onerror` raises."""

import gc
import os
import pathlib
import shutil
import sys
import weakref

import pwalk
import pytest

from api.process import nothing_is_left, ordinary_user, python


@pytest.fixture
def instead(monkeypatch):
    monkeypatch.setattr(os, "walk", pwalk.walk)


CPYTHON = """
import os, sys, tempfile, unittest
import pwalk
os.walk = pwalk.walk
os.chdir(sys.argv[1])
unittest.main(module=None, argv=["python", "-q", *sys.argv[2:]])
"""
SUITES = ["test.test_os.WalkTests", "test.test_os.BytesWalkTests", "test.test_shutil"]
SUITES += ["test.test_pathlib" if sys.version_info < (3, 13) else "test.test_pathlib.test_pathlib"]


@pytest.mark.parametrize("suite", SUITES)
def test_the_tests_of_cpython_pass_with_it(tmp_path, suite):
    pytest.importorskip("test.support", reason="needs CPython's own tests")
    python(CPYTHON, tmp_path, suite, seconds=120)


if hasattr(pathlib.Path, "walk"):  # since Python 3.12

    @pytest.mark.parametrize("top_down", [True, False])
    @pytest.mark.parametrize("follow_symlinks", [True, False])
    def test_path_walk_is_the_same(tree, monkeypatch, top_down, follow_symlinks):
        top = pathlib.Path(tree)
        arguments = {"top_down": top_down, "follow_symlinks": follow_symlinks}
        expected = list(top.walk(**arguments))
        monkeypatch.setattr(os, "walk", pwalk.walk)
        assert list(top.walk(**arguments)) == expected


@pytest.mark.parametrize("topdown", [True, False])
def test_links_are_files_where_the_library_says_so(tree, topdown):
    # Older ones know no such value, and it is only true.
    as_files = getattr(os, "_walk_symlinks_as_files", 1)
    expected = list(os.walk(tree, topdown, None, as_files))
    assert list(pwalk.walk(tree, topdown, None, as_files)) == expected
    assert list(pwalk.Walker().walk(tree, topdown, None, as_files)) == expected


def test_rmtree_removes_links_and_not_what_they_lead_to(tree, tmp_path, monkeypatch, instead):
    kept = tmp_path / "kept"
    (kept / "folder").mkdir(parents=True)
    (tree / "out").symlink_to(kept)
    # Then it uses os.walk, since 3.13.
    monkeypatch.setattr(shutil, "_use_fd_functions", False)
    shutil.rmtree(tree)
    assert not tree.exists()
    assert os.listdir(kept) == ["folder"]


AUDIT = """
import os, sys
import pwalk

walk, top, topdown = (os.walk, pwalk.walk)[sys.argv[1] == "pwalk"], sys.argv[2], bool(sys.argv[3])
refused, heard = [], []

def hook(event, arguments):
    if event == "os.scandir" and arguments[0].startswith(top):
        heard.append(arguments)
        if os.path.basename(arguments[0]) in refused:
            raise refused[-1]

sys.addaudithook(hook)
found = list(walk(top, topdown))
print(sorted(heard) if not topdown else heard)
for error in [OSError(5, "no"), LookupError("no")]:
    refused[:] = ["a", error]
    errors, found = [], []
    try:
        for triple in walk(top, topdown, errors.append):
            found.append(triple)
    except Exception as raised:
        print(repr(raised), raised is error)
    print(found if topdown or isinstance(error, OSError) else "", errors, *map(error.__eq__, errors))
"""


@pytest.mark.parametrize("topdown", ["yes", ""])
def test_audit_hooks_hear_of_each_directory_and_may_refuse_it(tree, topdown):
    expected = python(AUDIT, "os", tree, topdown)
    assert "LookupError" in expected
    if topdown:
        assert python(AUDIT, "pwalk", tree, topdown) == expected
        return
    # From below, a directory is told of when it is delivered, and refused without what is in it.
    got = python(AUDIT, "pwalk", tree, topdown)
    assert got.splitlines()[0] == expected.splitlines()[0]
    assert "LookupError('no') True" in got


@pytest.mark.parametrize("walk", [os.walk, pwalk.walk])
def test_stop_iteration_in_onerror_is_an_error(tmp_path, walk):
    stop = StopIteration("enough")

    def onerror(_):
        raise stop

    with pytest.raises(RuntimeError, match="generator raised StopIteration") as raised:
        list(walk(tmp_path / "missing", onerror=onerror))
    assert raised.value.__cause__ is stop


class Holder:
    """Holds the walk whose errors it takes."""

    def __init__(self, top):
        self.walk = pwalk.walk(top, onerror=self.take)
        self.last = next(self.walk)

    def take(self, error):
        raise error


class Alone(Holder):
    """The same, without a generator, which the collector closes."""

    def __init__(self, top):
        self.walk = pwalk._walk.open_ordered(
            {}, str(top), True, self.take, False, threads=None, snapshots=True
        )
        self.last = next(self.walk)


@pytest.mark.parametrize("kind", [Holder, Alone])
def test_t51_a_walk_whose_onerror_leads_back_to_it_is_collected(tree, monkeypatch, kind):
    monkeypatch.chdir(tree)
    list(pwalk.walk("."))
    with nothing_is_left():
        holders = [kind(".") for _ in range(20)]
        refs = [weakref.ref(holder) for holder in holders]
        del holders
        gc.collect()
        assert [ref() for ref in refs] == [None] * 20


def test_t51_the_collector_may_run_in_the_midst_of_a_step(public):
    triples = []

    def onerror(_):
        triples.append(gc.collect())

    top = public / "collected"
    top.mkdir()
    (top / "closed").mkdir(mode=0)
    with ordinary_user():
        triples += pwalk.walk(top, onerror=onerror)
    assert len(triples) == 2
