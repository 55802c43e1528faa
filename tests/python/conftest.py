"""What the tests share: the commands, the fixture trees, and a report of each in every format.

The commands are those that were just built: `PWALK_BIN` and `PWALK_FIXTURES_BIN` name them.
"""

import os
import subprocess
from pathlib import Path

import expected
import pytest
from readers import FORMATS
from skipping import pytest_runtest_logreport  # noqa: F401, a hook

# 10,000 levels make a table of 100 MB that shows nothing which `deep` and `long_path` don't.
LEFT_OUT = {"very_deep"}
# Trees in which an ordinary user can't see everything; who sees what is the Rust tests' matter.
FOR_ROOT = {"inaccessible", "perms"}


def _command(variable):
    path = os.environ.get(variable)
    if not path or not os.access(path, os.X_OK):
        raise pytest.UsageError(f"{variable} must name the built command, not {path!r}")
    return str(Path(path).resolve())


def _names():
    listed = subprocess.run(
        [_command("PWALK_FIXTURES_BIN"), "--list"], check=True, capture_output=True, text=True
    ).stdout.split()
    hidden = LEFT_OUT if os.geteuid() == 0 else LEFT_OUT | FOR_ROOT
    return [name for name in listed if name not in hidden]


class Scan:
    """A tree, its reports, and what they must hold."""

    def __init__(self, pwalk, root, folder):
        self.root = root
        self._pwalk = pwalk
        self._folder = folder
        self.reports = {
            suffix: self.report(f"report.{suffix}", *arguments)
            for suffix, (_, arguments) in FORMATS.items()
        }
        self.rows = expected.rows(os.fsencode(root))

    def report(self, name, *arguments):
        """Makes a report called `name`, and returns its path."""
        # Joined as text: a slash at the end asks for a folder.
        path = os.path.join(self._folder, name)
        command = [self._pwalk, "report", "--quiet", *arguments, "-o", path, self.root]
        subprocess.run(command, check=True)
        return Path(path)

    def convert(self, path, name, *arguments):
        """Converts a report to one called `name`, and returns its path."""
        converted = os.path.join(self._folder, name)
        subprocess.run([self._pwalk, "convert", *arguments, path, converted], check=True)
        return Path(converted)

    def rows_in(self, suffix):
        """What a report in this format must hold: the columns' names, and the sorted rows."""
        family, _ = FORMATS[suffix]
        columns = expected.CSV_COLUMNS if family == "csv" else expected.COLUMNS
        return columns, expected.rows_in(family, self.rows)


@pytest.fixture(scope="session")
def pwalk():
    """The command under test."""
    return _command("PWALK_BIN")


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    """A folder with the fixture trees."""
    folder = tmp_path_factory.mktemp("fixtures") / "trees"
    command = _command("PWALK_FIXTURES_BIN")
    subprocess.run([command, folder, *_names()], check=True)
    yield folder
    # pytest's own removal does not get through paths beyond PATH_MAX.
    subprocess.run([command, "--rm", folder], check=True)


@pytest.fixture(scope="session")
def scan(request, trees, pwalk, tmp_path_factory):
    """The scan of one tree; its name or its absolute path is the parameter."""
    root = trees / request.param
    if not root.exists():
        pytest.skip(f"this system has no {root}")
    return Scan(pwalk, root, tmp_path_factory.mktemp("scan"))


def pytest_generate_tests(metafunc):
    """A test that takes `scan` and does not say of which trees gets all of them."""
    marked = metafunc.definition.get_closest_marker("trees")
    if "scan" in metafunc.fixturenames:
        names = list(marked.args) if marked else _names()
        metafunc.parametrize("scan", names, indirect=True, scope="session")


def pytest_configure(config):
    """Makes the mark known."""
    config.addinivalue_line("markers", "trees(name, ...): the trees that a test is for")
