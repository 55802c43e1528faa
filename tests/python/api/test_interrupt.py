"""Ctrl-C, and other exceptions from outside, end a walk soon and leave nothing behind.

Also: nothing is left after many small walks, and other threads run while a walk is under way.
The promise is 200 ms; the limit here is a second, since other tests may be busy.
"""

import json
import os
import signal
import threading
import time

import pwalk
import pytest

from api.process import finish, nothing_is_left, python, slow_child

# Each would take more than a second with the milliseconds that `_interrupt` asks for.
WORK = {
    "report to csv.zst": "pwalk.report(top, max_threads=2)",
    "report to parquet": "pwalk.report(top, 'out.parquet', 2)",
    "report with a callback": "pwalk.report(top, progress_callback=print, progress_interval=60)",
    "scan": "len(pwalk.scan(top, max_threads=2))",
    "scan, by batches": "list(pwalk.scan(top, max_threads=2))",
    "scan, as a column": "pwalk.scan(top, max_threads=2)['inode']",
    "scan, by polars": "polars.DataFrame(pwalk.scan(top, max_threads=2))",
    "traverse": "pwalk.traverse(top, max_threads=2, output_dir='.')",
    "profile": "pwalk.profile(top, 2)",
    "folders": "pwalk.DirectoryProfiler(parallel_threshold=500).analyze(top)",
    "folders in python": "pwalk.DirectoryProfiler(use_rust=False).analyze(top)",
    "walk": "list(pwalk.walk(top, max_threads=2))",
    "walk from below": "list(pwalk.walk(top, topdown=False, max_threads=2))",
    "walk, one step": "next(pwalk.walk(top, max_threads=2))",
    "walk slowly": "[time.sleep(0.1) for _ in pwalk.walk(top, max_threads=2)]",
    "async walk": "asyncio.run(consume(pwalk.AsyncWalker().walk(top)))",
}

PREPARE = {
    "scan, as a column": "import numpy",
    "scan, by polars": "import polars; polars.DataFrame({'a': [1]})",
}
PROGRAM = """
import asyncio, json, os, signal, sys, time
import pwalk
from api.process import nothing_is_left, ready

top, folder = sys.argv[1:3]
os.chdir(folder)

class Expired(Exception):
    pass

def expired(*_):
    raise Expired

async def consume(walk):
    async for _ in walk:
        pass

signal.signal(signal.SIGALRM, expired)
# What asyncio and others keep for later is there before.
asyncio.run(asyncio.sleep(0))
PREPARE
ready()
with nothing_is_left():
    print("begin", flush=True)
    begin = time.monotonic()
    try:
        WORK
        sys.exit(f"it ended by itself after {time.monotonic() - begin} s")
    except BaseException as error:
        caught, raised = time.monotonic(), repr(error)
print(json.dumps({"caught": caught, "raised": raised}))
"""


def _interrupt(work, medium, tmp_path, number):
    """Sends the signal in the middle of the work; says what was caught, and how soon."""
    program = PROGRAM.replace("PREPARE", PREPARE.get(work, "")).replace("WORK", WORK[work])
    # A walk looks at folders only, twice at each.
    milliseconds = {"walk, one step": 150}.get(work, 30 if "walk" in work else 4)
    with slow_child(program, medium, tmp_path, milliseconds=milliseconds) as process:
        # It says when it begins.
        assert process.stdout.readline() == "begin\n"
        time.sleep(0.15)
        sent = time.monotonic()
        os.kill(process.pid, number)
        found = json.loads(finish(process))
    return found, found["caught"] - sent


@pytest.mark.parametrize("work", WORK)
def test_ctrl_c_ends_it_and_leaves_nothing(medium, tmp_path, work):
    found, seconds = _interrupt(work, medium, tmp_path, signal.SIGINT)
    assert found["raised"] == "KeyboardInterrupt()"
    assert os.listdir(tmp_path) == []
    assert seconds < 1


@pytest.mark.parametrize("work", ["report to parquet", "scan", "walk from below"])
def test_a_handler_that_raises_ends_it_as_well(medium, tmp_path, work):
    found, seconds = _interrupt(work, medium, tmp_path, signal.SIGALRM)
    assert found["raised"] == "Expired()"
    assert os.listdir(tmp_path) == []
    assert seconds < 1


HANDLED = """
import os, signal, sys, threading, time
import pwalk
from api.process import ready

calls, sent = [], []
signal.signal(signal.SIGUSR1, lambda *_: calls.append(time.monotonic()))

def send():
    for _ in range(3):
        time.sleep(0.15)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGUSR1)

ready()
thread = threading.Thread(target=send)
thread.start()
n_rows = len(pwalk.scan(sys.argv[1], max_threads=2))
end = time.monotonic()
thread.join()
assert n_rows == 1041
assert end > sent[-1], "it was over too soon"
print(max(called - at for called, at in zip(calls, sent, strict=True)))
"""


def test_a_handler_that_returns_runs_in_between(medium):
    with slow_child(HANDLED, medium, milliseconds=2) as process:
        assert float(finish(process)) < 0.5


# Leaks

LEAKS = """
import os, sys
import pwalk
from api.process import nothing_is_left, rss_bytes

top = sys.argv[1]
n_runs = int(sys.argv[2])

def one(n):
    WORK

for n in range(n_runs // 5):
    one(n)
before = rss_bytes()
with nothing_is_left():
    for n in range(n_runs):
        one(n)
print(rss_bytes() - before)
"""

SMALL = {
    "walk": (1000, "assert len(list(pwalk.walk(top, topdown=n % 2 == 0))) == 7"),
    "walk left early": (1000, "next(pwalk.walk(top, topdown=n % 2 == 0))"),
    "walk never begun": (1000, "pwalk.walk(top)"),
    "walk that fails": (1000, "list(pwalk.walk(top + '/missing', onerror=lambda error: None))"),
    "report": (100, "pwalk.report(top, top + '/../out.csv')"),
    "scan": (100, "assert len(pwalk.scan(top)) == 18"),
    "scan left early": (100, "iter(pwalk.scan(top))"),
}


@pytest.mark.parametrize("work", SMALL)
def test_many_small_walks_leak_nothing(tree, work):
    n_runs, line = SMALL[work]
    grown = int(python(LEAKS.replace("WORK", line), tree, str(n_runs)))
    assert grown < 4_000_000


# Other threads


def _pace(seconds, work):
    """How often per second a thread counts while the work is done over and over."""
    count, stop = 0, threading.Event()

    def counting():
        nonlocal count
        while not stop.is_set():
            count += 1

    thread = threading.Thread(target=counting)
    thread.start()
    begin = time.monotonic()
    try:
        while time.monotonic() < begin + seconds:
            work()
    finally:
        elapsed = time.monotonic() - begin
        stop.set()
        thread.join()
    return count / elapsed


def test_other_threads_run_meanwhile(large, tmp_path):
    alone = _pace(0.3, lambda: time.sleep(0.1))
    with nothing_is_left():
        work = {
            "report": lambda: pwalk.report(large, tmp_path / "out.csv", 1),
            "scan": lambda: len(pwalk.scan(large, max_threads=1)),
            "traverse": lambda: os.remove(
                pwalk.traverse(large, max_threads=1, output_dir=tmp_path)["buffer_file"]
            ),
        }
        # Nine tenths are promised on an idle machine; a walk that holds the lock leaves a tenth.
        paces = {name: _pace(0.5, function) / alone for name, function in work.items()}
    assert min(paces.values()) > 0.3, paces
