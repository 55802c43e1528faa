"""A walk is a generator: it starts late, ends early, and outlives threads and forks.

Where a test could hang if the package is wrong, it runs in a child.
"""

import collections.abc
import contextlib
import gc
import os
import threading
import time

import pwalk
import pytest

from api.process import n_threads, nothing_is_left, python


def test_it_is_its_own_iterator_and_a_generator(tree):
    triples = pwalk.walk(tree)
    assert iter(triples) is triples
    assert isinstance(triples, collections.abc.Generator)


def test_nothing_happens_before_the_first_step(tmp_path):
    top = tmp_path / "later"
    with nothing_is_left():
        before = n_threads()
        triples = pwalk.walk(top)
        time.sleep(0.01)
        assert n_threads() == before
        top.mkdir()
        (top / "file").touch()
        assert list(triples) == [(str(top), [], ["file"])]


@pytest.mark.parametrize("topdown", [True, False])
def test_after_the_end_there_is_nothing(tree, topdown):
    with nothing_is_left():
        triples = pwalk.walk(tree, topdown)
        assert len(list(triples)) == 7
        for _ in range(3):
            with pytest.raises(StopIteration):
                next(triples)
        triples.close()


@pytest.mark.parametrize("topdown", [True, False])
@pytest.mark.parametrize("n_steps", [0, 1, 20])
def test_close_ends_it(large, n_steps, topdown):
    with nothing_is_left():
        triples = pwalk.walk(large, topdown)
        for _ in range(n_steps):
            next(triples)
        triples.close()
        triples.close()
        assert list(triples) == []


@pytest.mark.parametrize("topdown", [True, False])
@pytest.mark.parametrize("n_steps", [0, 1, 20])
def test_a_walk_that_is_forgotten_ends(large, n_steps, topdown):
    with nothing_is_left():
        triples = pwalk.walk(large, topdown)
        for _ in range(n_steps):
            next(triples)
        del triples
        gc.collect()


@pytest.mark.parametrize("n_steps", [0, 1, 20])
def test_what_is_thrown_in_comes_out_and_ends_it(large, n_steps):
    error = LookupError("thrown")
    with nothing_is_left():
        triples = pwalk.walk(large)
        for _ in range(n_steps):
            next(triples)
        with pytest.raises(LookupError) as raised:
            triples.throw(error)
        assert raised.value is error
        assert list(triples) == []


def test_a_consumer_that_fails_leaves_nothing(large):
    with nothing_is_left(), pytest.raises(LookupError):
        for _ in pwalk.walk(large):
            raise LookupError


def test_send_is_next_but_says_nothing_to_a_walk_that_has_not_begun(tree):
    triples = pwalk.walk(tree)
    with pytest.raises(TypeError):
        triples.send("word")
    assert [triples.send(None), triples.send("word"), *triples] == list(os.walk(tree))


def test_two_hundred_walks_at_once(large):
    expected = list(os.walk(large))[:10]
    with nothing_is_left():
        walks = [pwalk.walk(large) for _ in range(200)]
        for triple in expected:
            for triples in walks:
                assert next(triples) == triple
        for triples in walks:
            triples.close()


def _shares(triples, take):
    """What eight threads get from a walk; `take` returns a triple, or None at the end."""
    shares = [[] for _ in range(8)]

    def consume(share):
        while triple := take(triples):
            share.append(triple)

    with nothing_is_left():
        threads = [threading.Thread(target=consume, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sorted(triple for share in shares for triple in share)


def test_threads_that_take_turns_get_each_triple_once(large):
    turn = threading.Lock()

    def take(triples):
        with turn:
            return next(triples, None)

    assert _shares(pwalk.walk(large), take) == sorted(os.walk(large))


def test_threads_that_take_no_turns_are_refused_but_nothing_is_lost(large):
    def take(triples):
        while True:
            try:
                return next(triples, None)
            except ValueError:
                # As any generator says that is executing already.
                time.sleep(0)

    assert _shares(pwalk.walk(large), take) == sorted(os.walk(large))


def test_a_walk_may_be_closed_by_another_thread(large):
    triples = pwalk.walk(large)
    seen = []

    def consume():
        # As any generator, it refuses one thread while it executes for another.
        with contextlib.suppress(ValueError):
            for triple in triples:
                seen.append(triple)
                time.sleep(0.001)

    with nothing_is_left():
        thread = threading.Thread(target=consume)
        thread.start()
        while len(seen) < 5:
            time.sleep(0.001)
        while thread.is_alive():
            with contextlib.suppress(ValueError):
                triples.close()
    assert seen == list(os.walk(large))[: len(seen)]
    assert list(triples) == []


ITSELF = """
import sys
import pwalk

def onerror(error):
    for call in (lambda: next(triples), triples.close, lambda: triples.throw(LookupError)):
        try:
            call()
        except ValueError as error:
            print(type(error).__name__)

triples = pwalk.walk(sys.argv[1] + "/missing", onerror=onerror)
assert list(triples) == []
"""


def test_a_walk_that_is_used_by_its_own_onerror_says_no(tree):
    assert python(ITSELF, tree, seconds=10).split() == ["ValueError"] * 3


FORK = """
import gc, os, signal, sys
import pwalk

top, n_steps, then = sys.argv[1], int(sys.argv[2]), sys.argv[3]
expected = list(os.walk(top))
triples = pwalk.walk(top)
got = [next(triples) for _ in range(n_steps)]
child = os.fork()
if child == 0:
    # Nobody waits for a child that hangs.
    signal.alarm(10)
    try:
        match then:
            case "close":
                triples.close()
            case "forget":
                del triples
                gc.collect()
            case "go on":
                # It may give up; what it delivers must be true.
                try:
                    for triple in triples:
                        assert triple in expected
                except (OSError, RuntimeError):
                    pass
            case "start another":
                assert list(pwalk.walk(top)) == expected
        os._exit(0)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
got += triples
assert got == expected
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) and f"the child ended with {status}")
"""


@pytest.mark.parametrize("then", ["close", "forget", "go on", "start another", "exit"])
@pytest.mark.parametrize("n_steps", [0, 1, 20])
def test_a_fork_in_the_middle(large, n_steps, then):
    python(FORK, large, str(n_steps), then)


EXIT = """
import sys
import pwalk

triples = pwalk.walk(sys.argv[1])
next(triples)
kept = [triples]
kept.append(kept)
"""


def test_the_interpreter_ends_while_a_walk_is_alive(large):
    assert python(EXIT, large, seconds=10) == ""
