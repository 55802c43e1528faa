"""What a walk holds while nobody asks it for more, with few descriptors, and over a fork."""

import pytest

from api.process import finish, python, slow_child

PAUSED = """
import os, resource, sys, time
import pwalk
from api.process import descriptors, n_threads

top, relative = sys.argv[1:]
if relative:
    os.chdir(top)
    top = "."
expected = list(os.walk(top))
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
before, opened = n_threads(), len(descriptors())
walks = [pwalk.walk(top, max_threads=8) for _ in range(1100)]
got = [[next(walk)] for walk in walks]
most = n_threads()
end = time.monotonic() + 20
while n_threads() > before or len(descriptors()) > opened + 1:
    assert time.monotonic() < end, (n_threads(), len(descriptors()))
    time.sleep(0.01)
# As many files as os.walk would leave room for.
files = [open("/dev/null") for _ in range(1000 - opened)]
for walk, triples in zip(walks, got):
    triples += walk
    assert triples == expected, len(triples)
print(most - before)
"""


@pytest.mark.parametrize("relative", ["", "relative"])
def test_t45_a_thousand_walks_that_are_paused_hold_nothing(tree, relative):
    assert int(python(PAUSED, tree, relative, seconds=120)) <= 300


GOES_ON = """
import os, sys, time
import pwalk
from api.process import n_threads

top = sys.argv[1]
expected = list(os.walk(top))
before = n_threads()
walk = pwalk.walk(top, max_threads=2)
got = [next(walk) for _ in range(100)]
end = time.monotonic() + 20
while n_threads() > before:
    assert time.monotonic() < end
    time.sleep(0.01)
got += walk
assert got == expected
"""


def test_a_walk_that_was_paused_for_long_goes_on(large):
    python(GOES_ON, large)


SPARE = """
import os, resource, sys
import pwalk
from api.process import descriptors

top, n_spare, relative = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if relative:
    os.chdir(top)
    top = "."
expected = list(os.walk(top))
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
limit = 1 + max(kept)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit + n_spare, hard))
got = []
for triple in pwalk.walk(top):
    got.append(triple)
    # What os.walk leaves to its caller is all there.
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(n_spare)]
    for file in files:
        os.close(file)
assert got == expected, len(got)
"""


@pytest.mark.parametrize("relative", ["", "relative"])
@pytest.mark.parametrize("n_spare", [1, 2, 8])
def test_t45_the_caller_may_open_files_with_the_last_descriptors(large, n_spare, relative):
    python(SPARE, large, str(n_spare), relative)


FORK = """
import os, signal, sys
import pwalk
from api.process import ready

top, seconds, topdown = sys.argv[1], float(sys.argv[2]), bool(sys.argv[3])
expected = list(os.walk(top, topdown))
children = []

def fork(*_):
    children.append(os.fork())
    if not children[-1]:
        # Ends it if it hangs: the handler that it has inherited would fork once more.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(15)

signal.signal(signal.SIGALRM, fork)
ready()
signal.setitimer(signal.ITIMER_REAL, seconds)
walk = pwalk.walk(top, topdown, max_threads=2)
got = list(walk)
assert got == expected, got
if children == [0]:
    os._exit(7)
_, status = os.waitpid(children[0], 0)
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("topdown", ["yes", ""])
@pytest.mark.parametrize("seconds", [0.05, 0.4, 0.8])
def test_t50_a_handler_that_forks_while_the_walk_waits(tree, seconds, topdown):
    with slow_child(FORK, tree, str(seconds), topdown, milliseconds=150) as process:
        assert finish(process, seconds=30) == "7"
