"""A progress callback is told how far a walk is, and may end it.

Most of it runs in a child whose disk is slow, so that there is a while to be told about.
"""

import itertools
import json
import os

import pwalk
import pytest

from api.process import finish, slow_child

KEYS = {"files", "dirs", "bytes", "elapsed", "errors", "last_dirs", "stalled", "done"}
NUMBERS = {"files", "dirs", "bytes", "errors"}
# The work, and the milliseconds for each look that make it last nearly a second.
WORK = {
    "report": ("pwalk.report(top, 'out.csv', progress_interval=INTERVAL, **options)", 1.5),
    "scan": ("len(pwalk.scan(top, progress_interval=INTERVAL, **options))", 1.5),
    "walk": ("list(pwalk.walk(top, progress_interval=INTERVAL, **options))", 10),
    "traverse": ("pwalk.traverse(top, output_dir='.', update_interval=INTERVAL, **options)", 1.5),
}

PROGRAM = """
import json, os, sys
import pwalk
from api.process import nothing_is_left, ready

top, folder = sys.argv[1:]
os.chdir(folder)
told = []

def work(callback):
    options = {"max_threads": 2, "progress_callback": callback}
    return WORK
"""

each_work = pytest.mark.parametrize("work", WORK)


def _run(work, rest, medium, tmp_path, interval=0.05, speed=1):
    """Runs the program with this rest; returns what it prints at last, from JSON."""
    line, milliseconds = WORK[work]
    program = PROGRAM.replace("WORK", line).replace("INTERVAL", str(interval)) + rest
    with slow_child(program, medium, tmp_path, milliseconds=milliseconds / speed) as process:
        return json.loads(finish(process))


TELL = """
inside = []

def callback(progress):
    told.append(progress)
    if not inside:
        inside.append(pwalk.report(".", "inner.csv", 1).summary["complete"])

ready()
work(callback)
assert inside == [True]
print(json.dumps(told))
"""


@each_work
def test_what_is_told_to_a_callback_which_may_use_the_package(medium, tmp_path, work):
    told = _run(work, TELL, medium, tmp_path)
    assert len(told) >= 5
    for progress in told:
        assert set(progress) == KEYS
        assert all(type(progress[key]) is int for key in NUMBERS)
        assert type(progress["elapsed"]) is float
        assert len(progress["last_dirs"]) <= 10
        assert all(os.path.isdir(path) for path in progress["last_dirs"])
        assert progress["errors"] == 0
    assert [progress["done"] for progress in told] == [False] * (len(told) - 1) + [True]
    for key in ("files", "dirs", "bytes", "elapsed"):
        assert all(one[key] <= other[key] for one, other in itertools.pairwise(told))
    assert 0 < told[len(told) // 2]["files"] < 1_000
    assert told[-1]["files"] <= 1_000 and told[-1]["dirs"] <= 41
    assert len(told[-1]["last_dirs"]) == 10


@each_work
def test_the_interval_is_kept(medium, tmp_path, work):
    # At the most the state at the beginning, in between once, and at the end.
    assert len(_run(work, TELL, medium, tmp_path, interval=0.6, speed=2)) <= 3


RAISE = """
ready()
for kind in (LookupError, KeyboardInterrupt, SystemExit, OSError):
    error = kind("enough")

    def callback(progress):
        told.append(progress)
        raise error

    with open("out.csv", "w") as file:
        file.write("older")
    told.clear()
    with nothing_is_left():
        try:
            work(callback)
            sys.exit("nothing was raised")
        except kind as raised:
            assert raised is error, repr(raised)
            error.__traceback__ = None
        assert len(told) == 1 and told[0]["files"] < 1_000, told
    assert open("out.csv").read() == "older"
    assert os.listdir() == ["out.csv"], os.listdir()
print(json.dumps("done"))
"""


@each_work
def test_an_error_in_the_callback_ends_the_walk_and_leaves_no_file(medium, tmp_path, work):
    assert _run(work, RAISE, medium, tmp_path) == "done"


@pytest.mark.parametrize("raises_at", [1, 2])
def test_a_report_whose_last_call_fails_is_not_there(tree, tmp_path, raises_at):
    # A small tree may be done before the callback is called, if it is called at all.
    n_calls = 0

    def callback(progress):
        nonlocal n_calls
        n_calls += 1
        if n_calls == raises_at:
            raise LookupError

    output = tmp_path / "out.csv"
    try:
        pwalk.report(tree, output, progress_callback=callback, progress_interval=0.001)
    except LookupError:
        assert not output.exists()
    else:
        assert output.exists()
    assert set(os.listdir(tmp_path)) <= {"out.csv", "tree"}
