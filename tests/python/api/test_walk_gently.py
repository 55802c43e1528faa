"""`walk` that keeps out of others' way: `max_ops` and `nice`, which `os.walk` does not have."""

import asyncio
import inspect
import os
import threading
import time
from pathlib import Path

import pwalk
import pytest

# A folder is opened (which a server sees as three requests), read, and read to its end.
PER_FOLDER = 5


async def _collect(walk):
    return [triple async for triple in walk]


def test_the_signature_begins_as_that_of_os_walk():
    ours = list(inspect.signature(pwalk.walk).parameters.values())
    theirs = list(inspect.signature(os.walk).parameters.values())
    plain = [one.replace(annotation=one.empty) for one in ours[: len(theirs)]]
    assert plain == theirs
    assert {one.kind for one in ours[len(theirs) :]} == {inspect.Parameter.KEYWORD_ONLY}


WAYS = {
    "function": lambda top, n: list(pwalk.walk(top, max_ops=n)),
    "one thread": lambda top, n: list(pwalk.walk(top, max_threads=1, max_ops=n)),
    "config": lambda top, n: list(pwalk.Walker(pwalk.Config(max_ops=n)).walk(top)),
    "async": lambda top, n: asyncio.run(_collect(pwalk.AsyncWalker(max_ops=n).walk(top))),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_walk_makes_no_more_requests_a_second_than_it_may(medium, way):
    expected = list(os.walk(medium))
    begun = time.monotonic()
    triples = WAYS[way](medium, 500)
    seconds = time.monotonic() - begun
    assert triples == expected
    # A moment may be made up for.
    assert seconds >= (len(expected) - 1) * PER_FOLDER / 500 - 0.02


def test_a_walk_that_waits_for_its_requests_is_closed_at_once(medium):
    walk = pwalk.walk(medium, max_ops=20)
    next(walk)
    # All others would take ten seconds.
    begun = time.monotonic()
    walk.close()
    assert time.monotonic() - begun < 5


def test_threads_of_a_nice_walk_give_way_and_the_caller_does_not(medium):
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    walk = pwalk.walk(medium, nice=True, max_threads=2, max_ops=100)
    found = set()
    for _ in walk:
        for task in Path("/proc/self/task").iterdir():
            if (task / "comm").read_text().startswith("pwalk-ahead"):
                found.add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
        if 19 in found:
            break
    walk.close()
    assert 19 in found
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True])
def test_an_invalid_number_of_requests_is_named(value, tmp_path):
    for way in (
        lambda: next(pwalk.walk(tmp_path, max_ops=value)),
        lambda: pwalk.AsyncWalker(max_ops=value),
    ):
        with pytest.raises((TypeError, ValueError), match="max_ops"):
            way()
    with pytest.raises(TypeError, match="nice"):
        pwalk.AsyncWalker(nice=1)
