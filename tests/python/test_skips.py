"""Skipped tests are listed, and in CI only those of the allowed list pass (`tests/skips.py`)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
ALLOWED = "test_a: needs strace, and the permission to trace\n"
REFUSED = "test_b: it needs root\n"


def listed(tmp_path, text, ci):
    """The exit status and the output for a list of skips."""
    path = tmp_path / "skips.txt"
    path.write_text(text)
    environment = {**os.environ, "CI": ci}
    command = [sys.executable, TESTS / "skips.py", path]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.returncode, run.stdout


@pytest.mark.parametrize(
    ("text", "ci", "status"),
    [
        ("", "true", 0),
        (ALLOWED, "true", 0),
        (REFUSED, "true", 1),
        (ALLOWED + REFUSED, "true", 1),
        (ALLOWED + REFUSED, "", 0),
    ],
)
def test_t54_a_skip_that_is_not_allowed_fails_in_ci(tmp_path, text, ci, status):
    found, output = listed(tmp_path, text, ci)
    assert found == status
    assert all(line in output for line in text.splitlines())


def test_t54_a_skip_of_pytest_adds_its_line_to_the_list(tmp_path):
    (tmp_path / "conftest.py").write_text("from skipping import pytest_runtest_logreport\n")
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "def test_that_skips(): pytest.skip('a reason')\n"
        "@pytest.mark.skip(reason='another')\ndef test_never(): pass\n"
        "@pytest.mark.xfail\ndef test_that_fails(): assert False\n"
        "def test_that_passes(): pass\n"
    )
    path = tmp_path / "skips.txt"
    path.touch()
    environment = {**os.environ, "PWALK_SKIPS": str(path), "PYTHONPATH": str(TESTS / "python")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path]
    run = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=tmp_path)
    assert run.returncode == 0
    assert path.read_text().splitlines() == [
        "test_one.py::test_that_skips: a reason",
        "test_one.py::test_never: another",
    ]
