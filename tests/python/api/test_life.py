"""The life of a job: exits, close, callbacks that end it, forks, threads that can't start, leaks.

Whatever could hang runs in a process of its own, which has a time limit.
"""

import os
import signal
import subprocess
import sys

import pwalk
import pytest

from api.process import child, finish, run, slow_child

PRELUDE = """
import atexit, gc, os, sys, threading, time, warnings, weakref
import pwalk
# Of a fork beside threads.
warnings.simplefilter("ignore", DeprecationWarning)
top = sys.argv[1]
"""


def _run(program, *arguments, **options):
    return run(PRELUDE + program, *arguments, **options)


# The end of the process

CALLBACKS = {
    "none": "None",
    "of C": "[].append",
    "of Python": "lambda progress: sum(range(100))",
    "print": "lambda progress: print(progress['files'], file=sys.stderr)",
    "that sleeps": "lambda progress: time.sleep(0.01)",
}

ENDS = {
    "the end": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "os._exit": ("os._exit(4)", 4),
    "an exception": ("raise ValueError('mine')", 1),
    "SIGTERM": ("os.kill(os.getpid(), 15)", -15),
}

ALIVE = {
    "in a global": "",
    "in a cycle": "class Node: pass\nnode = Node(); node.scan, node.node = scan, node\ndel scan, node",
    "in a thread": "threading.Thread(target=lambda: len(scan), daemon=True).start()",
    "in a reader": "import pyarrow\nreader = pyarrow.RecordBatchReader.from_stream(scan)",
    "in its iterator": "iterator = iter(scan); next(iterator); del scan",
}

SCAN = "scan = pwalk.scan(top, max_threads=1, progress_callback={}, progress_interval=0.001)\n"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("callback", CALLBACKS)
def test_t56_a_process_ends_while_it_scans(large, callback, end):
    line, status = ENDS[end]
    program = SCAN.format(CALLBACKS[callback]) + "time.sleep(0.01)\n" + line
    _, errors = _run(program, large, status=status)
    assert "panicked" not in errors and "Fatal" not in errors
    assert ("ValueError: mine" in errors) == (end == "an exception")


@pytest.mark.parametrize("alive", ALIVE)
def test_a_process_ends_wherever_its_scan_is_alive(large, alive):
    program = SCAN.format(CALLBACKS["of Python"]) + ALIVE[alive]
    assert _run(program, large) == ("", "")


IN_THREAD = """
begun = threading.Event()
def job():
    WORK
threading.Thread(target=job, daemon=True).start()
begun.wait()
"""

WORKS = {
    "report": "pwalk.report(top, sys.argv[2] + '/out.parquet', 1, progress_interval=0.001,"
    " progress_callback=lambda _: begun.set())",
    "reports": "while True: pwalk.report(top, sys.argv[2] + '/out.csv', 1, progress_interval=0.001,"
    " progress_callback=lambda _: begun.set())",
    "traverse": "pwalk.traverse(top, output_dir=sys.argv[2], max_threads=1, update_interval=0.001,"
    " progress_callback=lambda _: begun.set())",
    "walks": "while True: list(pwalk.walk(top)); begun.set()",
    "scans": "while True: len(pwalk.scan(top)); begun.set()",
    "buffers": "pwalk.report(top, sys.argv[2] + '/o.arrow')\n"
    "    while True: pwalk.read_buffer(sys.argv[2] + '/o.arrow'); begun.set()",
}


@pytest.mark.parametrize("work", WORKS)
def test_t56_a_process_ends_while_another_thread_works(large, tmp_path, work):
    assert _run(IN_THREAD.replace("WORK", WORKS[work]), large, tmp_path) == ("", "")
    # It was complete, or there is nothing.
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []
    if work == "traverse":
        sizes = [file.stat().st_size for file in tmp_path.iterdir()]
        assert 0 not in sizes


def test_what_is_registered_earlier_can_still_read_a_scan(tree):
    program = PRELUDE.replace("import pwalk", "import atexit, types") + (
        "import atexit\natexit.register(lambda: print(len(scan), len(pwalk.scan(top))))\n"
        "import pwalk\nscan = pwalk.scan(top)\nlen(scan)\n"
    )
    with child(program, tree, stderr=subprocess.PIPE) as process:
        assert process.communicate(timeout=30) == ("18 18\n", "")


# Close


def test_what_was_read_stays_after_a_close(large):
    scan = pwalk.scan(large, max_threads=1)
    next(iter(scan))
    scan.close()
    n_rows = len(scan)
    assert 0 < n_rows <= 20_201
    assert scan.summary["complete"] == (n_rows == 20_201)
    assert len(scan["inode"]) == n_rows == sum(len(batch) for batch in scan)
    assert scan.errors == []
    scan.close()
    assert len(scan) == n_rows


def test_a_scan_that_was_complete_stays_complete_after_a_close(tree):
    with pwalk.scan(tree) as scan:
        assert len(scan) == 18
    assert scan.summary["complete"] is True and len(scan) == 18


CTRL_C = """
import _thread, signal, sys, threading
import pwalk
from api.process import ready

ready()
scan = pwalk.scan(sys.argv[1], max_threads=2)
others = []
waiting = threading.Thread(target=lambda: others.append(len(scan)))
waiting.start()
threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, 2)).start()
try:
    len(scan)
    sys.exit("it ended by itself")
except KeyboardInterrupt:
    pass
waiting.join()
n_rows = len(scan)
assert others == [n_rows], others
assert len(scan['inode']) == n_rows
assert scan.summary['complete'] is False and scan.errors == []
print(n_rows)
"""


def test_only_the_call_that_ctrl_c_interrupts_raises(medium):
    with slow_child(CTRL_C, medium, milliseconds=4) as process:
        assert int(finish(process)) < 1041


IN_CALLBACK = {
    "close": "scan.close()",
    "len": "len(scan)",
    "summary": "scan.summary",
    "errors": "scan.errors",
    "column": "scan['inode']",
    "with": "scan.__exit__(None, None, None)",
    "iteration": "[len(batch) for batch in scan]",
    "table": "scan.to_arrow()",
    "frame": "scan.to_polars()",
}


@pytest.mark.parametrize("what", IN_CALLBACK)
def test_t51_a_scan_is_used_in_its_own_callback(large, what):
    program = f"""
seen = []
def callback(progress):
    if seen or 'scan' not in globals(): return
    try:
        {IN_CALLBACK[what]}
        seen.append(None)
    except RuntimeError as error:
        seen.append(str(error))
scan = pwalk.scan(top, max_threads=1, progress_callback=callback, progress_interval=0.001)
n_rows = len(scan)
assert n_rows == len(scan['inode'])
print(seen)
"""
    output, errors = _run(program, large)
    assert errors == ""
    if what in ("close", "with", "iteration"):
        assert output == "[None]\n"
    else:
        assert "can't end while its callback runs" in output


def test_the_last_reference_to_a_scan_dies_in_its_callback(large):
    program = """
def callback(progress):
    global scan
    calls.append(1)
    scan = None
calls = []
scan = pwalk.scan(top, max_threads=1, progress_callback=callback, progress_interval=0.001)
while scan is not None: time.sleep(0.001)
time.sleep(0.05)
assert calls == [1], calls
"""
    assert _run(program, large) == ("", "")


def test_a_callback_that_waits_for_the_one_who_closes(large):
    program = """
lock = threading.Lock()
def callback(progress):
    with lock: pass
with lock:
    scan = pwalk.scan(top, max_threads=1, progress_callback=callback, progress_interval=0.001)
    time.sleep(0.02)
    scan.close()
    n_rows = len(scan)
assert scan.summary is not None
"""
    assert _run(program, large) == ("", "")


OTHER_TABLES = {
    "of a report": "pwalk.report(top, sys.argv[2], progress_callback=read, progress_interval=0.001)",
    "of a scan": "len(pwalk.scan(top, progress_callback=read, progress_interval=0.001))",
    "of errors": "list(pwalk.walk(os.path.join(top, 'missing'), onerror=read))",
    "of signals": """
import signal
signal.signal(signal.SIGUSR1, read)
pid = os.getpid()
threading.Thread(target=lambda: (time.sleep(0.05), os.kill(pid, signal.SIGUSR1))).start()
while not seen: len(pwalk.scan(top, max_threads=1))
""",
}


@pytest.mark.parametrize("callback", OTHER_TABLES)
def test_t51_a_callback_reads_the_tables_of_other_scans(large, tmp_path, callback):
    program = f"""
import polars, pyarrow
seen = []
def scan(): return pwalk.scan(top, progress_callback=lambda progress: None)
def fails(progress): raise KeyError("mine")
def read(*_):
    if seen: return
    seen.append(pyarrow.table(scan()).num_rows)
    seen.append(polars.DataFrame(scan()).height)
    seen.append(stream.read_all().num_rows)
    try:
        pyarrow.table(pwalk.scan(top, progress_callback=fails, progress_interval=0.001))
    except KeyError as error:
        seen.append(error.args)
stream = pyarrow.RecordBatchReader.from_stream(scan())
n_rows = len(scan())
{OTHER_TABLES[callback]}
assert seen == [n_rows, n_rows, n_rows, ("mine",)], seen
"""
    assert _run(program, large, tmp_path / "scan.csv") == ("", "")


def test_a_stream_outlives_its_scan(large):
    program = """
import pyarrow
calls = []
n_rows = len(pwalk.scan(top))
scan = pwalk.scan(top, max_threads=1, progress_callback=calls.append, progress_interval=0.001)
stream = pyarrow.RecordBatchReader.from_stream(scan)
del scan
assert stream.read_all().num_rows == n_rows
assert calls[-1]["done"]
n_threads = len(os.listdir("/proc/self/task"))
stream = pyarrow.RecordBatchReader.from_stream(pwalk.scan(top, max_threads=1))
del stream
end = time.monotonic() + 5
while len(os.listdir("/proc/self/task")) > n_threads:
    assert time.monotonic() < end
    time.sleep(0.005)
"""
    assert _run(program, large) == ("", "")


# Forks

FORK = """
import traceback
scan = pwalk.scan(top, max_threads=1, progress_callback=lambda _: None, progress_interval=0.001)
stream = scan.__arrow_c_stream__()
batch = next(iter(scan))
pid = os.fork()
if pid == 0:
    try:
        WORK
    except RuntimeError as error:
        assert f'belongs to process {os.getppid()}' in str(error), error
        sys.exit(7)
    sys.exit(0)
_, status = os.waitpid(pid, 0)
assert len(scan) == 20_201
print(os.waitstatus_to_exitcode(status))
"""

IN_CHILD = {
    "len(scan)": 7,
    "list(scan)": 7,
    "scan['inode']": 7,
    "scan.summary": 7,
    "scan.errors": 7,
    "scan.close()": 7,
    "scan.spill_count": 7,
    "scan.__arrow_c_stream__()": 7,
    "del scan, stream; gc.collect()": 0,
    "len(batch.column('inode').to_list())": 0,
    "pwalk.report(top, '/dev/null', format='csv')": 0,
    "assert len(pwalk.scan(top)) == 20_201": 0,
    "pass": 0,
}


@pytest.mark.parametrize("work", IN_CHILD)
def test_t50_a_fork_has_no_part_in_the_scans_of_its_parent(large, work):
    output, errors = _run(FORK.replace("WORK", work), large)
    assert (output, errors) == (f"{IN_CHILD[work]}\n", "")


def test_t50_a_fork_cleans_up_nothing_of_its_parents_report(large, tmp_path):
    program = """
def callback(progress):
    global forked
    if not forked:
        forked = True
        if os.fork() == 0: os._exit(0) if how == '_exit' else sys.exit(0)
        os.wait()
for how in ('_exit', 'exit'):
    forked = False
    done = pwalk.report(top, sys.argv[2] + '/out.csv', 1, progress_callback=callback,
        progress_interval=0.001)
    assert forked and done.summary['complete']
"""
    assert _run(program, large, tmp_path)[1] == ""
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_callback_that_returns_in_a_fork(large, tmp_path):
    program = """
parent = os.getpid()
def callback(progress):
    if os.getpid() == parent and not children: children.append(os.fork())
children = []
try:
    pwalk.report(top, sys.argv[2] + '/out.csv', 1, progress_callback=callback,
        progress_interval=0.001)
except RuntimeError as error:
    assert os.getpid() != parent
    assert f'belongs to process {parent}' in str(error)
    sys.exit(7)
assert os.getpid() == parent
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
"""
    assert _run(program, large, tmp_path) == ("", "")


def test_t50_a_callback_forks_while_others_begin_and_import(large):
    program = """
scan = pwalk.scan(top, max_threads=1, progress_interval=0.001,
    progress_callback=lambda _: os._exit(0) if os.fork() == 0 else os.wait())
def walks():
    while True: pwalk.walk(top).close()
threading.Thread(target=walks, daemon=True).start()
import _imp
for _ in range(100):
    _imp.acquire_lock()
    time.sleep(0.001)
    _imp.release_lock()
"""
    assert _run(program, large) == ("", "")


def test_t50_a_fork_while_another_thread_loads_a_part_of_the_package(tree):
    program = """
class Slow:
    def find_spec(name, path, target=None):
        if name == "pwalk._scan":
            is_loaded.set()
            time.sleep(0.1)
is_loaded = threading.Event()
sys.meta_path.insert(0, Slow)
thread = threading.Thread(target=lambda: pwalk.scan)
thread.start()
is_loaded.wait()
pid = os.fork()
if pid == 0:
    assert len(pwalk.scan(top)) > 0
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert len(pwalk.scan(top)) > 0
"""
    assert _run(program, tree) == ("", "")


def test_multiprocessing_forks_while_a_scan_runs(large):
    program = """
import multiprocessing
def work(n):
    return len(pwalk.scan(top, max_threads=1))
scan = pwalk.scan(top, max_threads=1)
with multiprocessing.get_context('fork').Pool(4) as pool:
    assert pool.map(work, range(8)) == [20_201] * 8
assert len(scan) == 20_201
"""
    assert _run(program, large, seconds=60) == ("", "")


# Threads that can't be started

LIMITED = """
import resource
out, limit, n_rows = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
LIMIT
try:
    WORK
    print('done')
except Exception as error:
    print(type(error).__name__, error)
"""

THREADS = "resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))"

JOBS = {
    "scan": "assert len(pwalk.scan(top)) == n_rows",
    "iteration": "assert sum(map(len, pwalk.scan(top, progress_callback=len))) == n_rows",
    "report": "pwalk.report(top, out + '/out.parquet')",
    "traverse": "pwalk.traverse(top, output_dir=out)",
    "profile": "assert pwalk.profile(top).totals['entries'] == n_rows",
    "folders": "assert pwalk.DirectoryProfiler().analyze(top)['summary']['total_files'] > 0",
}


def _limited(limit, job):
    return LIMITED.replace("LIMIT", limit).replace("WORK", JOBS[job])


def _as_user(user):
    return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]


@pytest.fixture(scope="module")
def other_users():
    """Other users can run this Python."""
    with child("import pwalk", prefix=_as_user("700000"), stderr=subprocess.DEVNULL) as process:
        if process.wait() != 0:
            pytest.skip("needs root, and a Python that other users can read")


@pytest.mark.parametrize("limit", [0, 2, 3])
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.usefixtures("other_users")
def test_t47_threads_that_can_not_be_started_are_an_exception(public, job, limit):
    top = public / f"few-{job}-{limit}"
    (top / "a").mkdir(parents=True)
    for n in range(16):
        (top / "a" / str(n)).touch()
    out = public / f"out-{job}-{limit}"
    out.mkdir()
    out.chmod(0o777)
    # A number that no other user has: the limit counts all threads of a user.
    user = str(700_000 + 10 * list(JOBS).index(job) + limit)
    program = _limited(THREADS, job)
    output, errors = _run(program, top, out, str(limit), "18", prefix=_as_user(user))
    assert "panicked" not in errors
    assert output == "done\n" or "can't start a thread" in output, output
    if limit == 0:
        assert output.startswith("BlockingIOError") or output.startswith("OSError"), output
    if "can't" in output:
        assert os.listdir(out) == []


ALONE = """
import asyncio, resource
from pwalk._walk import open_ordered
expected = list(os.walk(top))
native = open_ordered({}, top, True, None, False, threads=1, snapshots=True)
async def walk():
    return [triple async for triple in pwalk.AsyncWalker().walk(top)]
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
for wait in (lambda: native.wait_in_thread(print), lambda: asyncio.run(walk())):
    try:
        wait()
    except OSError as error:
        print(error.strerror)
print(list(native) == expected)
"""


@pytest.mark.usefixtures("other_users")
def test_t47_a_walk_is_not_lost_if_no_thread_can_wait_for_it(public):
    (public / "alone" / "a").mkdir(parents=True)
    output, errors = _run(ALONE, public / "alone", prefix=_as_user("700901"))
    refused = "can't start a thread"
    assert [line[: len(refused)] for line in output.splitlines()] == [refused, refused, "True"]
    assert errors == ""


# Little memory

MEMORY = """
n_used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (limit << 20)
resource.setrlimit(resource.RLIMIT_AS, (n_used, n_used))
"""


@pytest.mark.parametrize("work", ["scan", "report", "traverse"])
def test_t47_little_memory_is_a_memory_error_or_an_abort_and_no_output(large, tmp_path, work):
    said = set()
    program = PRELUDE + _limited(MEMORY, work)
    # Printing a backtrace takes more than there is.
    env = os.environ | {"RUST_BACKTRACE": "0"}
    # From where not even a thread can be started to where there is enough.
    for n_more in range(4, 400, 4):
        out = tmp_path / str(n_more)
        out.mkdir()
        pipe = subprocess.PIPE
        arguments = [sys.executable, "-c", program, large, out, str(n_more), "20201"]
        done = subprocess.run(arguments, stdout=pipe, stderr=pipe, text=True, env=env, timeout=60)
        # What has no bytes is a name that was reserved by a process that could not clean up.
        outputs = [path.suffix for path in out.iterdir() if path.stat().st_size > 0]
        if done.stdout == "done\n":
            break
        assert outputs == [], (n_more, done)
        assert done.returncode in (0, -signal.SIGABRT), (n_more, done)
        said.add(done.stdout)
    assert done.stdout == "done\n", done
    assert len(outputs) == (work != "scan")
    assert any(line.startswith("MemoryError not enough memory") for line in said), said


# Requests that hang


@pytest.fixture
def stuck():
    """A folder of a filesystem that doesn't answer, and what ends it."""
    pipe = subprocess.PIPE
    fixtures = os.environ["PWALK_FIXTURES_BIN"]
    with subprocess.Popen([fixtures, "--stuck"], stdin=pipe, stdout=pipe, text=True) as process:
        folder = process.stdout.readline().strip()
        if not folder:
            pytest.skip("it needs /dev/fuse")
        yield folder, process.stdin.close
        process.stdin.close()


HANGS = """
import signal
out = sys.argv[2]
def interrupt():
    global sent
    sent = time.monotonic()
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
threading.Timer(0.5, interrupt).start()
try:
    WORK
except KeyboardInterrupt:
    print(time.monotonic() - sent, os.listdir(out), flush=True)
CHECK
print('done', flush=True)
"""

HANGING = {
    "report": ("pwalk.report(top, out + '/out.parquet')", ""),
    "report with a callback": ("pwalk.report(top, out + '/o.csv', progress_callback=len)", ""),
    "traverse": ("pwalk.traverse(top, output_dir=out)", ""),
    "scan": ("scan = pwalk.scan(top); len(scan)", "assert scan.summary['complete'] is False"),
    "iteration": ("scan = pwalk.scan(top); next(iter(scan))", "assert len(scan) == 0"),
    "polars": ("scan = pwalk.scan(top); polars.DataFrame(scan)", "len(scan)"),
    "close": ("with pwalk.scan(top) as scan: time.sleep(5)", "assert len(scan['inode']) == 0"),
    "del": ("scan = pwalk.scan(top); time.sleep(5)", "del scan"),
    "callback": ("scan = pwalk.scan(top, progress_callback=len, progress_interval=0.01); len(scan)",
        "scan.close(); del scan"),
}


@pytest.mark.parametrize("work", HANGING)
def test_t49_ctrl_c_leaves_a_request_that_hangs_behind(stuck, tmp_path, work):
    (folder, release), (line, check) = stuck, HANGING[work]
    # Not within the time until the signal, which an import can take.
    imports = "import polars\n" if work == "polars" else ""
    program = PRELUDE + imports + HANGS.replace("WORK", line).replace("CHECK", check)
    pipe = subprocess.PIPE
    with child(program, folder, tmp_path, stderr=pipe) as process:
        try:
            seconds, left = process.stdout.readline().split(maxsplit=1)
            assert process.stdout.readline() == "done\n"
            assert float(seconds) < 1
            assert left.strip() == "[]"
        finally:
            # The kernel lets no process end before that.
            release()
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")
    assert os.listdir(tmp_path) == []


TIMES_OUT = """
output, errors = pwalk.report(top, sys.argv[2] + '/out.parquet', timeout=1)
# The kernel reads no more of a directory in which the server looks an entry up.
print([(error.errno, error.filename) for error in errors] == [(110, top + '/stuck'), (110, top)])
scan = pwalk.scan(top, timeout=1)
print(len(scan), len(scan.errors) > 0, scan.summary['complete'], flush=True)
"""


def test_t49_a_report_with_a_timeout_returns_with_what_there_is(stuck, tmp_path):
    folder, release = stuck
    with child(PRELUDE + TIMES_OUT, folder, tmp_path) as process:
        try:
            assert process.stdout.readline() == "True\n"
            assert process.stdout.readline() == "1 True False\n"
        finally:
            # The kernel lets no process end before that.
            release()
            process.communicate(timeout=20)
    assert os.listdir(tmp_path) == ["out.parquet"]


# Cycles


def test_t51_a_callback_that_leads_back_to_its_scan_is_collected(tree):
    program = """
class Owner:
    def __init__(self):
        self.scan = pwalk.scan(top, progress_callback=self.called, progress_interval=60)
    def called(self, progress): pass
class Failing(Owner):
    def called(self, progress): raise ValueError(self)
dead = []
for kind in (Owner, Failing):
    for _ in range(50):
        owner = kind()
        try: len(owner.scan)
        except ValueError: pass
        weakref.finalize(owner, dead.append, 1)
        del owner
gc.collect()
end = time.monotonic() + 5
while len(dead) < 100 and time.monotonic() < end:
    time.sleep(0.01)
    gc.collect()
print(len(dead))
"""
    assert _run(program, tree) == ("100\n", "")


# The limit on descriptors


def test_the_limits_of_the_process_stay_as_they_are(tree, tmp_path):
    program = """
import resource
limits = soft, hard = 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
len(pwalk.scan(top)); pwalk.report(top, sys.argv[2] + '/out.csv'); list(pwalk.walk(top))
pwalk.traverse(top, output_dir=sys.argv[2])
assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits
"""
    assert _run(program, tree, tmp_path) == ("", "")


# Exceptions through a stream of Arrow

STREAMS = {
    "pyarrow": ("import pyarrow", "pyarrow.table(scan)"),
    "polars": ("import polars", "polars.DataFrame(scan)"),
    "len": ("", "len(scan)"),
    "iteration": ("", "list(scan)"),
}


@pytest.mark.parametrize("reader", STREAMS)
def test_an_exception_of_a_callback_keeps_its_type_and_arguments(large, reader):
    prepare, read = STREAMS[reader]
    program = f"""
{prepare}
class Mine(LookupError):
    def __init__(self, one, two):
        super().__init__(one, two)
error = Mine(1, 'two')
def callback(progress):
    raise error
scan = pwalk.scan(top, max_threads=1, progress_callback=callback, progress_interval=0.001)
try:
    {read}
    sys.exit('it was complete')
except LookupError as caught:
    assert caught is error and caught.args == (1, 'two')
try:
    len(scan)
except Mine as caught:
    assert caught is error
"""
    assert _run(program, large) == ("", "")


@pytest.mark.parametrize("reader", ["pyarrow", "polars"])
def test_an_exception_of_a_handler_keeps_its_type_and_arguments(medium, reader):
    prepare, read = STREAMS[reader]
    program = f"""
import signal, sys
import pwalk
from api.process import ready
{prepare}
class Mine(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)
def handler(*_):
    raise Mine(1, 'two')
signal.signal(signal.SIGALRM, handler)
ready()
scan = pwalk.scan(sys.argv[1], max_threads=2)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    {read}
    sys.exit('it was complete')
except Mine as caught:
    print(caught.args)
"""
    with slow_child(program, medium, milliseconds=4) as process:
        assert finish(process) == "(1, 'two')"
