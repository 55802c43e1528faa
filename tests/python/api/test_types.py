"""Type checkers accept the package and typical uses of it, and refuse wrong ones."""

import subprocess
import sys
from pathlib import Path

import pwalk
import pytest

HERE = Path(__file__).parent
USAGE = HERE / "typing_usage.py"
PACKAGE = Path(pwalk.__file__).parent

WRONG = """
import pwalk
pwalk.walk(5)
pwalk.report("top", max_threads="two")
for dirpath, dirnames, filenames in pwalk.walk(b"top"):
    dirnames.append("text")
pwalk.Config(threads=5)
pwalk.scan("top").nope
pwalk.Walker().scan("top", nope=1)
pwalk.Walker().report("top", max_threads="two")
pwalk.Scan("top")
pwalk.scan("top", progress="line")
pwalk.profile("top", top_n="5")
pwalk.DirectoryProfiler(5)
pwalk.repair("top", change_gids=5)
"""
WRONG_LINES = {3, 4, *range(6, 16)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the checkers run, and keep what they know for the next test."""
    return tmp_path_factory.mktemp("types")


def _run(folder, *arguments):
    """The status and the output of a checker of this very environment."""
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout + done.stderr


MYPY = ["mypy", "--strict", "--no-error-summary"]
PYRIGHT = ["pyright", "--pythonpath", sys.executable]


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_the_checkers_accept_the_package_and_its_use(folder, checker):
    status, output = _run(folder, *checker, PACKAGE, USAGE)
    assert status == 0, output


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=["mypy", "pyright"])
def test_the_checkers_refuse_what_is_wrong(folder, checker):
    (folder / "wrong.py").write_text(WRONG)
    status, output = _run(folder, *checker, "wrong.py")
    assert status == 1, output
    marks = [f"wrong.py:{line}:" for line in WRONG_LINES]
    assert [mark for mark in marks if mark not in output] == [], output


def test_the_stubs_are_those_of_the_module(folder):
    # Imported for type checkers only, and without types of their own; modules that are functions.
    (folder / "allowed").write_text(
        "pwalk._scan.pandas\npwalk._scan.pyarrow\npwalk.report\npwalk.walk\n"
    )
    status, output = _run(folder, "mypy.stubtest", "--allowlist", "allowed", "pwalk")
    assert status == 0, output


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
