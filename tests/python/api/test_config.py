"""`Config` and who takes it or goes with it: `Walker`, `AsyncWalker` and `Monitor`.

What a setting does is seen from outside, by strace where it changes system calls; for each
setting `Walker.effective_config` gives the value used and the reason.
"""

import asyncio
import collections.abc
import dataclasses
import os
import time

import pwalk
import pytest
from pwalk import _pwalk

from api.process import nothing_is_left, python, strace

BOOLEANS = [
    *["work_stealing", "cpu_affinity", "numa_aware", "prefer_local_numa", "use_getdents"],
    *["use_statx", "use_o_direct", "use_io_uring", "use_mmap", "detect_filesystem", "auto_tune"],
]
NUMBERS = ["min_threads", "max_threads", "readahead_kb", "buffer_size_mb"]
# What the measurements found to be of no use, or a loss.
OFF = ["cpu_affinity", "use_o_direct", "use_io_uring", "use_mmap"]


def _entry(effective, name):
    """The value and the reason for a setting."""
    value, reason = effective[name]
    return value, reason


def test_every_setting_is_a_field():
    config = pwalk.Config()
    for name in BOOLEANS:
        assert type(getattr(config, name)) is bool
        assert getattr(pwalk.Config(**{name: True}), name) is True
        assert getattr(pwalk.Config(**{name: False}), name) is False
    for name in NUMBERS:
        assert getattr(pwalk.Config(**{name: 7}), name) == 7
    for name in OFF:
        assert getattr(config, name) is False
    assert "use_statx=True" in repr(pwalk.Config(use_statx=True))
    assert pwalk.Config(max_threads=3) == pwalk.Config(max_threads=3) != pwalk.Config(max_threads=4)


@pytest.mark.parametrize(
    "name, value, error",
    [
        *[(name, -1, ValueError) for name in NUMBERS],
        *[(name, "many", TypeError) for name in NUMBERS],
        ("min_threads", 0, ValueError),
        ("max_threads", 0, ValueError),
        ("max_threads", 2**70, ValueError),
        ("max_threads", 1.5, TypeError),
        ("nope", 1, TypeError),
    ],
)
def test_wrong_settings_are_named(name, value, error):
    with pytest.raises(error, match=name):
        pwalk.Config(**{name: value})


def test_the_fields_are_those_of_the_table_of_settings():
    fields = {field.name: field.default for field in dataclasses.fields(pwalk.Config)}
    rows = {name: default for name, default, _, _ in _pwalk.settings()}
    assert list(fields.items()) == list(rows.items())


def test_a_setting_that_is_none_is_refused(tree):
    with pytest.raises(ValueError, match="settings: 'nope': no such setting"):
        _pwalk.effective_config(str(tree), {"nope": True})
    with pytest.raises(ValueError, match="readahead_kb: 'true': must be a whole number"):
        _pwalk.effective_config(str(tree), {"readahead_kb": True})


def test_at_least_not_more_than_at_most():
    with pytest.raises(ValueError, match="min_threads"):
        pwalk.Config(min_threads=5, max_threads=2)


def test_effective_config_gives_each_value_and_its_reason(tree):
    for config in (pwalk.Config(), pwalk.Config(auto_tune=False, detect_filesystem=False)):
        effective = pwalk.Walker(config).effective_config(tree)
        assert isinstance(effective, collections.abc.Mapping)
        assert set(effective) >= {*BOOLEANS, *NUMBERS}
        for name in (*BOOLEANS, *NUMBERS):
            value, reason = _entry(effective, name)
            assert value is not None
            assert isinstance(reason, str) and reason.strip()


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_switch_is_heeded_or_the_reason_says_why_not(tree, name):
    for wanted in (True, False):
        config = pwalk.Config(**{name: wanted})
        value, reason = _entry(pwalk.Walker(config).effective_config(tree), name)
        other = pwalk.Walker(pwalk.Config(**{name: not wanted})).effective_config(tree)
        assert value is wanted or reason != _entry(other, name)[1]
        # A feature may be missing here, but to leave one alone is always possible.
        assert wanted or value is False


def test_numbers_are_heeded(tree):
    config = pwalk.Config(min_threads=3, max_threads=3, buffer_size_mb=5)
    effective = pwalk.Walker(config).effective_config(tree)
    assert _entry(effective, "min_threads")[0] == 3
    assert _entry(effective, "max_threads")[0] == 3
    assert _entry(effective, "buffer_size_mb")[0] == 5


def test_effective_config_of_a_missing_path(tmp_path):
    with pytest.raises(FileNotFoundError):
        pwalk.Walker(pwalk.Config()).effective_config(tmp_path / "missing")


# Effects, seen from outside


@pytest.fixture
def marked(tmp_path):
    """300 files whose names can be found in a trace."""
    top = tmp_path / "marked"
    (top / "marked-folder").mkdir(parents=True)
    for n in range(300):
        (top / "marked-folder" / f"marked-{n}").touch()
    return top


REPORT = """
import sys
import pwalk

settings = dict(pair.split("=") for pair in sys.argv[3:])
config = pwalk.Config(**{name: eval(value) for name, value in settings.items()})
output, errors = pwalk.Walker(config).report(sys.argv[1], sys.argv[2])
assert errors == [], errors
assert len(open(output).readlines()) == 303
"""


def _traced(marked, tmp_path, *settings):
    """The system calls of a report with these settings."""
    trace = tmp_path / "trace"
    calls = "trace=%desc,%file,%process,sched_setaffinity,mmap"
    prefix = strace("-o", str(trace), "-e", calls, "-e", "signal=none")
    python(REPORT, marked, tmp_path / "out.csv", *settings, prefix=prefix)
    lines = trace.read_text(errors="replace").splitlines()
    # `1234 statx(5, ...`, without what was resumed after another thread's call.
    return [line.split(None, 1)[1] for line in lines if " " in line]


def _named(calls, *names):
    return [call for call in calls if call.startswith(tuple(f"{name}(" for name in names))]


def test_use_statx(marked, tmp_path):
    used = [call for call in _traced(marked, tmp_path, "use_statx=True") if '"marked-' in call]
    assert len(_named(used, "statx")) > 290 and len(_named(used, "newfstatat", "fstatat")) < 10
    unused = [call for call in _traced(marked, tmp_path, "use_statx=False") if '"marked-' in call]
    assert len(_named(unused, "statx")) == 0 and len(_named(unused, "newfstatat", "lstat")) > 290


def test_cpu_affinity(marked, tmp_path):
    pinned = _traced(marked, tmp_path, "cpu_affinity=True", "max_threads=2")
    assert _named(pinned, "sched_setaffinity")
    assert not _named(_traced(marked, tmp_path, "cpu_affinity=False"), "sched_setaffinity")


NODES = "/sys/devices/system/node"


def test_nodes_are_looked_up_only_for_who_asks(marked, tmp_path):
    for setting in ["numa_aware", "prefer_local_numa"]:
        assert NODES in "".join(_traced(marked, tmp_path, f"{setting}=True")), setting
    assert NODES not in "".join(_traced(marked, tmp_path))


def test_detect_filesystem_makes_the_call_that_asks_it(marked, tmp_path):
    def asked(calls):
        return [call for call in _named(calls, "statfs", "fstatfs") if str(marked) in call]

    assert asked(_traced(marked, tmp_path))
    assert not asked(_traced(marked, tmp_path, "detect_filesystem=False"))


def test_the_mount_table_is_read_once_and_only_where_it_is_needed(marked, tmp_path):
    def n_reads(*settings):
        calls = _named(_traced(marked, tmp_path, *settings), "openat")
        return sum("/proc/self/mountinfo" in call for call in calls)

    assert n_reads("detect_filesystem=False") == 0
    assert n_reads() == 1


def test_nodes_and_filesystem_in_a_walk(linked, tmp_path):
    calls = _traced_walk(linked, tmp_path)
    assert _named(calls, "statfs") and NODES not in "".join(calls)
    calls = _traced_walk(linked, tmp_path, "detect_filesystem=False")
    assert not [call for call in _named(calls, "statfs") if str(linked) in call]


def test_use_io_uring(marked, tmp_path):
    config = pwalk.Config(use_io_uring=True)
    value, reason = _entry(pwalk.Walker(config).effective_config(marked), "use_io_uring")
    calls = _traced(marked, tmp_path, "use_io_uring=True")
    assert bool(_named(calls, "io_uring_enter")) == value, reason
    assert not _named(_traced(marked, tmp_path, "use_io_uring=False"), "io_uring_setup")


def test_max_threads_bounds_the_threads(medium, tmp_path):
    trace = tmp_path / "trace"
    program = """
import sys
import pwalk

walker = pwalk.Walker(pwalk.Config(min_threads=int(sys.argv[3]), max_threads=int(sys.argv[3])))
walker.report(sys.argv[1], sys.argv[2])
"""

    def n_threads(wanted):
        prefix = strace("--seccomp-bpf", "-o", str(trace), "-e", "trace=clone,clone3")
        python(program, medium, tmp_path / "out.csv", str(wanted), prefix=prefix)
        return trace.read_text().count("CLONE_THREAD")

    # A few that are no workers: one that watches, and the caller's may be a worker.
    assert n_threads(16) - n_threads(1) in range(13, 18)


def test_use_getdents(marked, tmp_path):
    for setting in ("use_getdents=True", "use_getdents=False"):
        assert _named(_traced(marked, tmp_path, setting), "getdents64")



# The same of `Walker.walk`

WALK = """
import os, sys
import pwalk

settings = dict(pair.split("=") for pair in sys.argv[2:])
config = pwalk.Config(**{name: eval(value) for name, value in settings.items()})
walked = list(pwalk.Walker(config).walk(sys.argv[1]))
assert len(walked) == 202 and len(walked[0][1]) == 200 and "marked-link" in walked[1][1]
"""


@pytest.fixture
def linked(tmp_path):
    """200 folders, enough for workers, each with a link whose kind has to be asked for."""
    top = tmp_path / "linked"
    target = tmp_path / "target"
    target.mkdir()
    for n in range(200):
        (top / f"folder-{n}").mkdir(parents=True)
        (top / f"folder-{n}" / "marked-link").symlink_to(target)
    (top / "folder-0" / "below").mkdir()
    return top


def _traced_walk(linked, tmp_path, *settings):
    """The system calls of a walk with these settings and two workers."""
    trace = tmp_path / "trace"
    calls = "trace=%desc,%file,%process,sched_setaffinity"
    prefix = strace("-o", str(trace), "-e", calls, "-e", "signal=none")
    arguments = ["max_threads=2", "min_threads=2", *settings]
    python(WALK, linked, *arguments, prefix=prefix)
    lines = trace.read_text(errors="replace").splitlines()
    return [line.split(None, 1)[1] for line in lines if " " in line]


def test_use_statx_in_a_walk(linked, tmp_path):
    used = _traced_walk(linked, tmp_path, "use_statx=True")
    used = [call for call in used if "marked-link" in call]
    assert len(_named(used, "statx")) >= 200 and not _named(used, "newfstatat", "stat")
    unused = _traced_walk(linked, tmp_path, "use_statx=False")
    unused = [call for call in unused if "marked-link" in call]
    assert len(_named(unused, "newfstatat", "stat")) >= 200 and not _named(unused, "statx")


def test_cpu_affinity_in_a_walk(linked, tmp_path):
    pinned = _traced_walk(linked, tmp_path, "cpu_affinity=True")
    assert len(_named(pinned, "sched_setaffinity")) == 2
    assert not _named(_traced_walk(linked, tmp_path), "sched_setaffinity")


def test_use_io_uring_in_a_walk(linked, tmp_path):
    config = pwalk.Config(use_io_uring=True)
    value, reason = _entry(pwalk.Walker(config).effective_config(linked), "use_io_uring")
    calls = _traced_walk(linked, tmp_path, "use_io_uring=True")
    assert bool(_named(calls, "io_uring_enter")) == value, reason
    assert not _named(_traced_walk(linked, tmp_path), "io_uring_setup")


def test_readahead_kb_and_use_o_direct_in_a_walk(linked, tmp_path):
    calls = _traced_walk(linked, tmp_path, "readahead_kb=64", "use_o_direct=True")
    assert len(_named(calls, "fadvise64")) >= 200
    opened = [call for call in _named(calls, "open", "openat") if "O_DIRECT|" in call]
    assert len(opened) >= 200


def test_max_threads_bounds_the_threads_of_a_walk(linked, tmp_path):
    def n_threads(wanted):
        calls = _traced_walk(linked, tmp_path, f"max_threads={wanted}", f"min_threads={wanted}")
        return sum("CLONE_THREAD" in call for call in _named(calls, "clone", "clone3"))

    assert n_threads(16) - n_threads(2) == 14


# Walker


@pytest.mark.parametrize(
    "settings",
    [
        *[{}, {"max_threads": 1}, {"work_stealing": False}, {"buffer_size_mb": 1}],
        *[{name: True} for name in BOOLEANS],
        *[{name: False} for name in BOOLEANS],
        {"readahead_kb": 0},
        {"readahead_kb": 4096},
    ],
    ids=repr,
)
def test_no_setting_changes_the_result(tree, tmp_path, settings):
    walker = pwalk.Walker(pwalk.Config(**settings))
    assert list(walker.walk(tree)) == list(os.walk(tree))
    assert len(walker.scan(tree)) == 18
    result = walker.report(tree, tmp_path / "out.csv")
    assert result.errors == [] and result.summary["complete"] is True
    assert sum(result.summary["entries"].values()) == 18


def test_a_walker_takes_the_options_of_the_functions(tree, tmp_path):
    walker = pwalk.Walker()
    assert list(walker.walk(tree, topdown=False)) == list(os.walk(tree, topdown=False))
    assert list(walker.walk(tree, followlinks=True)) == list(os.walk(tree, followlinks=True))
    output, _ = walker.report(tree, tmp_path / "out.csv", max_depth=0, compress="none")
    assert os.path.samefile(output, tmp_path / "out.csv")


def test_a_walker_wants_a_config(tree):
    with pytest.raises(TypeError, match="config"):
        pwalk.Walker({"max_threads": 1})
    with pytest.raises(TypeError, match="config"):
        pwalk.Walker(5)


# AsyncWalker


async def _collect(walk):
    return [triple async for triple in walk]


def test_an_async_walk_is_a_walk(tree, large):
    for top in (tree, str(large), os.fsencode(tree), str(tree / "missing")):
        triples = asyncio.run(_collect(pwalk.AsyncWalker().walk(top)))
        assert triples == list(os.walk(top))
    triples = asyncio.run(_collect(pwalk.AsyncWalker(max_workers=1).walk(tree)))
    assert triples == list(os.walk(tree))


def test_an_async_walk_is_pruned_in_place(tree):
    async def prune():
        seen = []
        async for dirpath, dirnames, _ in pwalk.AsyncWalker().walk(tree):
            dirnames[:] = [name for name in dirnames if name != "a"]
            seen.append(os.path.basename(dirpath))
        return seen

    assert sorted(asyncio.run(prune())) == ["b", "c", "tree"]


def test_many_async_walks_at_once(large):
    async def together():
        walker = pwalk.AsyncWalker(max_workers=2)
        return await asyncio.gather(*(_collect(walker.walk(large)) for _ in range(10)))

    expected = list(os.walk(large))
    assert all(triples == expected for triples in asyncio.run(together()))


def test_an_async_walk_that_is_left_early_leaves_nothing(large):
    async def leave():
        walk = pwalk.AsyncWalker().walk(large)
        async for _ in walk:
            break
        await walk.aclose()

    async def cancel():
        task = asyncio.create_task(_collect(pwalk.AsyncWalker().walk(large)))
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with nothing_is_left():
        asyncio.run(leave())
    with nothing_is_left():
        asyncio.run(cancel())


CANCELS = """
import asyncio, os, sys, time
import pwalk

async def collect():
    return [triple async for triple in pwalk.AsyncWalker().walk(sys.argv[1])]

async def main():
    task = asyncio.create_task(collect())
    await asyncio.sleep(1)
    start = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() and time.monotonic() - start < 2, time.monotonic() - start

asyncio.run(main())
"""

EXITS = """
import atexit, os, time

def told():
    assert time.monotonic() - start < 2
    print("in time", flush=True)

# Called last, so after all that the end waits for.
atexit.register(told)
import asyncio, sys
import pwalk

async def main():
    walk = pwalk.AsyncWalker().walk(sys.argv[1])
    await anext(walk)
    task = asyncio.create_task(anext(walk))
    await asyncio.sleep(0.5)
    assert not task.done()
    global start
    start = time.monotonic()
    END

asyncio.run(main())
"""

ENDS = {
    "returns": "return",
    "raises": "sys.exit(0)",
    "cancels": "task.cancel()",
    "forgets": "del walk",
}


def test_t49_the_event_loop_does_not_wait_for_a_folder_that_hangs(tmp_path):
    (tmp_path / "hangs").mkdir()
    slow = ["-e", "trace=getdents64", "-e", "inject=getdents64:delay_enter=4s"]
    prefix = strace("-o", "/dev/null", "-P", str(tmp_path / "hangs"), *slow)
    python(CANCELS, tmp_path, prefix=prefix)


@pytest.mark.parametrize("end", ENDS)
def test_t49_the_end_of_the_interpreter_does_not_wait_for_an_async_walk(tmp_path, end):
    (tmp_path / "hangs").mkdir()
    slow = ["-e", "trace=getdents64", "-e", "inject=getdents64:delay_enter=4s"]
    prefix = strace("-o", "/dev/null", "-P", str(tmp_path / "hangs"), *slow)
    assert python(EXITS.replace("END", ENDS[end]), tmp_path, prefix=prefix) == "in time\n"


MANY_CANCELS = """
import asyncio, random, sys
import pwalk

async def collect():
    return [triple async for triple in pwalk.AsyncWalker(4).walk(sys.argv[1])]

async def main():
    for _ in range(20):
        tasks = [asyncio.create_task(collect()) for _ in range(10)]
        await asyncio.sleep(random.random() / 50)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    # Some are under way when the interpreter ends.
    left = [asyncio.create_task(collect()) for _ in range(10)]
    await asyncio.sleep(0.003)

asyncio.run(main())
"""


def test_t49_a_storm_of_cancelled_walks_leaves_a_working_interpreter(large):
    assert python(MANY_CANCELS, large) == ""


def test_other_tasks_run_meanwhile(large):
    async def both():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        triples = await _collect(pwalk.AsyncWalker().walk(large))
        ticking.cancel()
        return ticks, len(triples)

    ticks, n_triples = asyncio.run(both())
    assert n_triples == 201 and ticks > 5


@pytest.mark.parametrize(
    "value, error", [(0, ValueError), (-1, ValueError), ("two", TypeError), (1.5, TypeError)]
)
def test_wrong_numbers_of_async_workers_are_named(value, error):
    with pytest.raises(error, match="max_workers"):
        pwalk.AsyncWalker(max_workers=value)


def test_an_error_in_an_async_consumer_reaches_the_caller(large):
    async def fail():
        async for _ in pwalk.AsyncWalker().walk(large):
            raise LookupError

    with nothing_is_left(), pytest.raises(LookupError):
        asyncio.run(fail())


# Monitor

FIGURES = {"files_per_second", "mb_per_second", "cpu_percent", "memory_mb", "thread_efficiency"}


def _check_figures(figures):
    assert set(figures) >= FIGURES
    assert all(isinstance(figures[name], float) and figures[name] >= 0 for name in FIGURES)
    assert 1 < figures["memory_mb"] < 10_000
    assert figures["cpu_percent"] < 100 * (os.cpu_count() + 1)


def test_a_monitor_measures_what_runs_between_start_and_stop(large, tmp_path):
    monitor = pwalk.Monitor()
    monitor.start()
    pwalk.report(large, tmp_path / "out.csv")
    figures = monitor.stop()
    _check_figures(figures)
    assert figures["files_per_second"] > 1000
    assert figures["cpu_percent"] > 1


def test_a_monitor_without_a_walk_sees_no_files():
    monitor = pwalk.Monitor()
    monitor.start()
    time.sleep(0.02)
    figures = monitor.stop()
    _check_figures(figures)
    assert figures["files_per_second"] == 0


def test_a_monitor_can_be_used_again_and_as_a_context(large, tmp_path):
    monitor = pwalk.Monitor()
    with nothing_is_left():
        for _ in range(2):
            with monitor as entered:
                assert entered is monitor
                pwalk.report(large, tmp_path / "out.csv")
            assert monitor.files_per_second > 1000
            assert monitor.memory_mb > 1


def test_stop_without_start_says_so():
    with pytest.raises((RuntimeError, ValueError)):
        pwalk.Monitor().stop()
