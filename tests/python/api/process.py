"""This process and its children: what they hold open, who they are, how slow their disk is."""

import contextlib
import ctypes
import gc
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# `nobody` on most systems.
USER = 65_534
# The system calls by which a walk learns what is there.
LOOKS = "getdents64,statx,newfstatat"


def n_threads():
    """Threads of this process, of whatever language."""
    return len(os.listdir("/proc/self/task"))


def descriptors():
    """The open descriptors of this process: a number and what it stands for."""
    found = {}
    for fd in os.listdir("/proc/self/fd"):
        # The descriptor by which this list was read is gone.
        with contextlib.suppress(FileNotFoundError):
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return found


@contextlib.contextmanager
def nothing_is_left(seconds=2.0):
    """There are soon no more threads than before, and the same open descriptors.

    Soon, since the list of tasks keeps a thread for a moment after it was joined.
    """
    threads, opened = n_threads(), descriptors()
    yield
    gc.collect()
    end = time.monotonic() + seconds
    while n_threads() > threads or descriptors() != opened:
        if time.monotonic() > end:
            assert descriptors() == opened, f"{descriptors()} are open, not {opened}"
            raise AssertionError(f"{n_threads()} threads run, not {threads}")
        time.sleep(0.005)


@contextlib.contextmanager
def ordinary_user():
    """Permissions hold for this process meanwhile, which they don't for root."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(USER)
    os.seteuid(USER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def child(program, *arguments, prefix=(), **options):
    """Starts a program in a Python of its own, which finds these modules."""
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [*prefix, sys.executable, "-c", program, *map(os.fspath, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, **options)


def run(program, *arguments, seconds=30, status=0, **options):
    """Runs a program in a Python of its own, and returns what it prints and what it complains of."""
    with child(program, *arguments, stderr=subprocess.PIPE, **options) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == status, errors
    return output, errors


def python(program, *arguments, **options):
    """The same, without what it complains of."""
    return run(program, *arguments, **options)[0]


def strace(*arguments):
    """The beginning of a command that runs another under strace."""
    works = shutil.which("strace") and subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "true"], capture_output=True
    )
    if not works or works.returncode != 0:
        # Not above, since children would import it for nothing.
        import pytest

        pytest.skip("needs strace, and the permission to trace")
    return ["strace", "-f", "-qq", *arguments]


@contextlib.contextmanager
def slow_child(program, *arguments, milliseconds):
    """A child for which each look at a folder or an inode takes this long, once it is ready.

    It says so by `ready()`, so that its imports are as fast as ever.
    """
    tracer = strace("-o", "/dev/null", f"--inject={LOOKS}:delay_enter={int(milliseconds * 1000)}")
    pipe = subprocess.PIPE
    with child(program, *arguments, stdin=pipe, stderr=pipe) as process:
        try:
            pid = process.stdout.readline().strip()
            assert pid, process.stderr.read()
            with subprocess.Popen([*tracer, "-p", pid], stderr=subprocess.DEVNULL):
                while not _is_traced(pid):
                    time.sleep(0.001)
                process.stdin.write(f"{milliseconds}\n")
                process.stdin.flush()
                yield process
                process.kill()
        finally:
            process.kill()


def _is_traced(pid):
    """Are all threads of this process traced?"""
    tasks = Path("/proc", pid, "task").glob("*/status")
    return all("TracerPid:\t0\n" not in status.read_text() for status in tasks)


def ready():
    """In a child: waits until its parent has made the disk slow.

    What pwalk imports when it is first asked for is there by then: on the slow disk that would take
    longer than what is tested.
    """
    import pwalk

    for name in pwalk.__all__:
        getattr(pwalk, name)
    # PR_SET_PTRACER: anybody may trace it, also where only a parent may by default.
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_long(-1), 0, 0, 0)
    print(os.getpid(), flush=True)
    seconds = float(sys.stdin.readline()) / 1000
    # The tracer may take a moment to get going.
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        begin = time.monotonic()
        os.stat("/")


def finish(process, seconds=20):
    """The last line that a child prints."""
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, errors
    return output.splitlines()[-1]


def rss_bytes():
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
