"""What the tests of the Python package share: folders, trees, and the settings of Hypothesis."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

# No folder of examples in the checkout.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / f"pwalk-hypothesis-{os.getuid()}")
hypothesis.settings.register_profile("api", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("api")


@pytest.fixture(scope="session")
def command(pwalk):
    """The path of the command `pwalk`; in these tests the plain name is the module."""
    return pwalk


@pytest.fixture(scope="session")
def public():
    """A folder that every user may enter; those of pytest are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="pwalk-api-"))
    folder.chmod(0o755)
    yield folder
    # The command, since shutil is recursive and some trees here are deep.
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def tree(tmp_path):
    """A small tree with a bit of everything that has no peril: 7 folders, 9 files, 2 links."""
    top = tmp_path / "tree"
    for folder in ["a/x/deep", "a/y", "b", "c"]:
        (top / folder).mkdir(parents=True)
    for size, name in enumerate(["1.txt", "2.txt", "a/3", "a/x/4.csv", "a/x/deep/5", "b/6", "c/7"]):
        (top / name).write_bytes(b"." * 1000 * size)
    (top / "a/y" / "with space").touch()
    (top / "c" / "caf\u00e9").touch()
    (top / "to_a").symlink_to("a")
    (top / "dangling").symlink_to("missing")
    return top


def _many(n_folders, n_files):
    """Files in folders; in memory where that is possible, since disks take long for so many."""
    memory = "/dev/shm"
    top = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    for folder in range(n_folders):
        path = top / f"folder-{folder:03}"
        path.mkdir()
        for file in range(n_files):
            os.close(os.open(path / f"file-{file:03}.dat", os.O_CREAT | os.O_WRONLY))
    yield top
    shutil.rmtree(top)


@pytest.fixture(scope="session")
def large():
    """20,000 files in 200 folders: enough to be under way for a while."""
    yield from _many(200, 100)


@pytest.fixture(scope="session")
def medium():
    """1,000 files in 40 folders: for a disk that is made slow."""
    yield from _many(40, 25)
