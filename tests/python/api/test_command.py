"""The wheel's command is the same as the one that Rust builds: signals, pipes, statuses."""

import os
import signal
import subprocess
import sys
import time

import pytest

IN_PYTHON = [sys.executable, "-m", "pwalk"]


@pytest.fixture(params=["python", "rust"])
def start(request, command):
    """How the command is started: inside Python, and as a program."""
    return IN_PYTHON if request.param == "python" else [command]


def catches(process, number):
    """True once the process has a handler of its own for the signal."""
    # Where a filesystem may hang, a process of its own works.
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
        worker = (children.read().split() or [process.pid])[0]
    with open(f"/proc/{worker}/status") as status:
        mask = next(line for line in status if line.startswith("SigCgt:"))
    return int(mask.split()[1], 16) & 1 << number - 1


@pytest.mark.parametrize("number, status", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_one_line_and_a_status(start, tmp_path, number, status):
    number = signal.Signals[number]
    arguments = ["report", "/", "-o", "out.csv"]

    def heed():
        # What runs the tests may ignore it, as nohup does; then the command ignores it, too.
        signal.signal(number, signal.SIG_DFL)

    command = [*start, *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=heed)
    end = time.monotonic() + 20
    # SIGTERM, since Python has its own handler for SIGINT from the start.
    while not catches(process, signal.SIGTERM):
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    last = said.decode().splitlines()[-1:]
    assert (process.returncode, last) == (status, ["pwalk: interrupted: nothing was written"])
    assert b"Traceback" not in said and os.listdir(tmp_path) == []


BETWEEN = "import os, signal, pwalk._command; os.kill(os.getpid(), signal.SIGINT); print('here')"


def test_a_ctrl_c_before_the_command_begins_is_quiet():
    done = subprocess.run([sys.executable, "-c", BETWEEN], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


@pytest.mark.parametrize("arguments", ["walk /etc", "report /etc -o-", "info /", "--help", "man"])
def test_without_a_standard_output_there_is_an_error(start, arguments):
    script = ['exec "$@" >&-', "sh", *start, *arguments.split()]
    done = subprocess.run(["sh", "-c", *script], capture_output=True, check=False)
    line = b"pwalk: standard output: Bad file descriptor\n"
    assert (done.returncode, done.stderr) == (2, line)


def test_a_report_to_a_file_needs_no_standard_output(start, tmp_path):
    script = ['exec "$@" >&- 2>&-', "sh", *start, "report", "/etc", "-qo", "out.csv"]
    done = subprocess.run(["sh", "-c", *script], cwd=tmp_path, check=False)
    header = (tmp_path / "out.csv").read_bytes()[:6]
    assert (done.returncode, header) == (0, b"inode,")


@pytest.mark.parametrize("arguments", ["walk /usr", "report /usr -o-", "man report"])
def test_a_reader_that_leaves_ends_it_quietly(start, arguments):
    command = [*start, *arguments.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait(20)) == (b"", 0)


@pytest.mark.parametrize("arguments", ["reprot", "report", "report /no/such", "-V", "walk /etc -q"])
def test_statuses_and_words_are_the_same(command, arguments):
    done = [
        subprocess.run([*start, *arguments.split()], capture_output=True, check=False)
        for start in (IN_PYTHON, [command])
    ]
    said = [(one.returncode, sorted(one.stdout.split(b"\n")), one.stderr) for one in done]
    assert said[0] == said[1]
