"""Every SQL of `docs/queries.md` runs as it stands, and answers as `find` and `du` do.

On Parquet and on a CSV, over a tree with owners, hard links, a sparse file, odd names and old
access times. What the page's blocks are called here is their order on it.
"""

import os
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
BLOCKS = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(), re.M | re.S)
NAMES = [
    *("scan of parquet", "scan of csv.zst", "once", "directory_at"),
    *("owners", "owners by name", "unread by owner", "unread"),
    *("directories, direct", "directories, one level", "directories, all levels"),
    *("extensions", "same size", "same size and name"),
    *("earlier of parquet", "earlier of csv.zst", "changes", "growth"),
]
QUERIES = dict(zip(NAMES, BLOCKS, strict=True))

OLD = 1_000_000_000
ODD = ["a space", 'comma,quote".CSV', "line\nbreak.csv", "tab\t.txt", "ünï.txt", "-n", ".hidden"]


class Entry(NamedTuple):
    """What find prints of an entry, times in whole seconds."""

    path: str
    kind: str
    device: int
    inode: int
    n_links: int
    owner: str
    uid: int
    size: int
    allocated: int
    atime: int
    mtime: int
    ctime: int
    mode: str


def found(root):
    """All entries of a tree, by find."""
    fields = r"%p\0%y\0%D\0%i\0%n\0%u\0%U\0%s\0%b\0%A@\0%T@\0%C@\0%m\0"
    printed = subprocess.run(
        ["find", root, "-printf", fields], check=True, capture_output=True
    ).stdout.decode("utf-8", "replace")
    values = printed.split("\0")[:-1]
    for start in range(0, len(values), len(Entry._fields)):
        path, kind, *numbers, mode = values[start : start + len(Entry._fields)]
        device, inode, n_links, owner, uid, size, blocks, *times = numbers
        yield Entry(
            path, kind, int(device), int(inode), int(n_links), owner, int(uid), int(size),
            int(blocks) * 512, *(int(float(time)) for time in times), mode,
        )  # fmt: skip


def once(entries):
    """Each inode once, by its first name."""
    first = {}
    for entry in sorted(entries, key=lambda entry: entry.path.encode()):
        first.setdefault((entry.device, entry.inode), entry)
    return list(first.values())


def du(path):
    """The allocated bytes of one directory, by du."""
    printed = subprocess.run(
        ["du", "--summarize", "--block-size=1", path], check=True, capture_output=True
    )
    return int(printed.stdout.split(b"\t")[0])


def write(path, size, owner=0, used=None):
    """Makes a file of that many bytes, whose blocks are settled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"x" * size)
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:
        os.chown(path, owner, owner)
    if used is not None:
        os.utime(path, used)


def make(root):
    """The tree as the earlier scan sees it."""
    for number, name in enumerate(ODD):
        write(root / "odd" / name / name, 3_000 * number + 1, owner=number % 3)
        write(root / "plain" / "a" / f"{number}.txt", 5_000, owner=65_534)
        write(root / "plain" / f"{number}.000001", 70_000 * number, owner=4_000_000)
        write(root / "copies" / f"{number % 2}" / f"{number // 2}.Dat", 9_000 + number // 4)
    write(root / "old" / "never" / "read.dat", 200_000, used=(OLD, OLD))
    write(root / "old" / "read.dat", 200_000, used=(2_000_000_000, OLD))
    write(root / "old" / "written.dat", 100_000, used=(OLD, 2_000_000_000))
    os.link(root / "old" / "never" / "read.dat", root / "old" / "never" / "a second name")
    with (root / "old" / "hole.img").open("wb") as file:
        file.truncate(10_000_000)
    write(root / "shared" / "left" / "deep" / "one", 300_000)
    (root / "shared" / "right").mkdir()
    os.link(root / "shared" / "left" / "deep" / "one", root / "shared" / "right" / "two")
    os.symlink("nowhere", root / "plain" / "link")
    os.mkdir(os.fsencode(root / "odd") + b"/not utf-8 \xff")


def change(root):
    """What happens between the two scans."""
    write(root / "plain" / "a" / "new.txt", 400_000)
    write(root / "odd" / "-n" / "-n", 90_000)
    (root / "plain" / "1.000001").unlink()
    (root / "plain" / "2.000001").rename(root / "old" / "moved.000001")
    (root / "plain" / "3.000001").chmod(0o600)
    os.utime(root / "plain" / "4.000001", (OLD, OLD))


class Scanned(NamedTuple):
    """A database in which the page's views and macros are known, and what find has seen."""

    database: duckdb.DuckDBPyConnection
    root: Path
    earlier: list[Entry]
    entries: list[Entry]

    def ask(self, name):
        return self.database.sql(QUERIES[name]).fetchall()

    def files(self):
        return [entry for entry in once(self.entries) if entry.kind == "f"]

    def level(self, path):
        return len(Path(path).relative_to(self.root).parts) - 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pwalk):
    """A folder with `data`, both of its scans in both formats, and what find has seen of each."""
    folder = tmp_path_factory.mktemp("queries")
    root = folder / "data"
    seen = {}
    for name, act in [("earlier", make), ("data", change)]:
        act(root)
        seen[name] = list(found(root))
        report = [pwalk, "report", "--quiet", root, "-o"]
        subprocess.run([*report, folder / f"{name}.csv.zst"], check=True)
        output = folder / f"{name}.parquet"
        subprocess.run([*report, output, "--columns", "+user,+group"], check=True)
    return folder, seen


@pytest.fixture(params=["parquet", "csv.zst"])
def scanned(request, folder, monkeypatch):
    folder, seen = folder
    monkeypatch.chdir(folder)
    database = duckdb.connect()
    for name in [f"scan of {request.param}", "once", "directory_at", f"earlier of {request.param}"]:
        database.execute(QUERIES[name])
    return Scanned(database, folder / "data", seen["earlier"], seen["data"])


def sums(entries, key):
    """The entries and their allocated bytes by a key."""
    counts, sizes = Counter(), Counter()
    for entry in entries:
        counts[key(entry)] += 1
        sizes[key(entry)] += entry.allocated
    return sorted((name, counts[name], sizes[name]) for name in counts)


def test_the_owners_are_those_of_find_and_their_sum_is_that_of_du(scanned):
    answer = scanned.ask("owners")
    assert sorted(answer) == sums(once(scanned.entries), lambda entry: entry.uid)
    assert sum(row[2] for row in answer) == du(scanned.root)
    assert [row[2] for row in answer] == sorted((row[2] for row in answer), reverse=True)


def test_the_owners_have_the_names_that_find_prints(folder, monkeypatch):
    folder, seen = folder
    monkeypatch.chdir(folder)
    database = duckdb.connect()
    for name in ["scan of parquet", "once"]:
        database.execute(QUERIES[name])
    answer = database.sql(QUERIES["owners by name"]).fetchall()
    assert sorted(answer) == sums(once(seen["data"]), lambda entry: entry.owner)


def test_what_is_unread_is_what_find_names(scanned):
    command = ["find", scanned.root, "-type", "f", "!", "-newerat", "2 years ago"]
    command += ["!", "-newermt", "2 years ago", "-print0"]
    named = set(subprocess.run(command, check=True, capture_output=True).stdout.split(b"\0"))
    unread = [entry for entry in scanned.files() if entry.path.encode() in named]
    assert {Path(entry.path).name for entry in unread} == {"a second name", "4.000001"}
    assert sorted(scanned.ask("unread by owner")) == sums(unread, lambda entry: entry.uid)
    answer = [(path, size, str(day)) for path, size, day in scanned.ask("unread")]
    unread.sort(key=lambda entry: -entry.size)
    assert answer == [(entry.path, entry.size, "2001-09-09") for entry in unread]


def test_direct_entries_are_those_that_find_lists(scanned):
    sizes = defaultdict(list)
    for entry in scanned.entries:
        if entry.kind == "d":
            sizes[entry.path] += []
        if entry.path != str(scanned.root):
            sizes[entry.path.rpartition("/")[0]].append(entry.size)
    expected = [(path, len(below), sum(below)) for path, below in sizes.items()]
    assert sorted(scanned.ask("directories, direct")) == sorted(expected)


def above(entry, level, scanned):
    """The directory at a level that contains the entry or is it; None if there is none."""
    parts = Path(entry.path).relative_to(scanned.root).parts[: level + 1]
    path = str(scanned.root.joinpath(*parts))
    is_file = path == entry.path and entry.kind != "d"
    return None if is_file or len(parts) <= level else path


def is_shared(path, entries):
    """True if the directory holds a name, but not the first, of an inode with others outside."""
    below = {(e.device, e.inode) for e in entries if e.path.startswith(path + "/")}
    first = {(e.device, e.inode) for e in once(entries) if e.path.startswith(path + "/")}
    return below != first


def check_subtrees(answer, levels, scanned):
    expected = []
    for level in levels:
        kept = [(above(entry, level, scanned), entry) for entry in once(scanned.entries)]
        directories = {id(entry): path for path, entry in kept if path}
        inside = [entry for _, entry in kept if id(entry) in directories]
        expected += sums(inside, lambda entry, of=directories: of[id(entry)])
    assert sorted(answer) == sorted(expected)
    alike = [row for row in answer if not is_shared(row[0], scanned.entries)]
    alike = [row for row in alike if "\N{REPLACEMENT CHARACTER}" not in row[0]]
    assert len(alike) >= len(answer) - 3
    for path, _, size in alike:
        assert size == du(path), path


def test_subtrees_at_one_level_are_those_of_du(scanned):
    answer = scanned.ask("directories, one level")
    assert {scanned.level(path) for path, *_ in answer} == {1}
    check_subtrees(answer, [1], scanned)


def test_subtrees_at_all_levels_are_those_of_du(scanned):
    answer = scanned.ask("directories, all levels")
    assert answer[0] == (str(scanned.root), len(once(scanned.entries)), du(scanned.root))
    check_subtrees(answer, range(-1, 10), scanned)


def test_extensions_have_the_files_and_bytes_of_find(scanned):
    def extension(entry):
        name = entry.path.rpartition("/")[2]
        return name[1:].rpartition(".")[2].lower() if "." in name[1:] else ""

    assert sorted(scanned.ask("extensions")) == sums(scanned.files(), extension)


def several(entries, key):
    """The paths of files that share a key, those that do not left out."""
    groups = defaultdict(list)
    for entry in entries:
        if entry.size:
            groups[key(entry)].append(entry.path)
    return {key: sorted(paths) for key, paths in groups.items() if len(paths) > 1}


def test_files_of_the_same_size_are_counted_and_hard_links_are_not(scanned):
    groups = several(scanned.files(), lambda entry: entry.size)
    expected = [(k, len(paths), k * (len(paths) - 1), paths[0]) for k, paths in groups.items()]
    assert sorted(scanned.ask("same size")) == sorted(expected)
    assert len(expected) >= 3


def test_files_of_the_same_size_and_name_are_listed(scanned):
    groups = several(scanned.files(), lambda entry: (entry.size, entry.path.rpartition("/")[2]))
    expected = [
        (size, name, len(paths), size * (len(paths) - 1), paths)
        for (size, name), paths in groups.items()
    ]
    assert sorted(scanned.ask("same size and name")) == sorted(expected)
    assert len(expected) == 3


def test_changes_are_the_difference_of_two_listings_of_find(scanned):
    def states(entries):
        return {e.path: (e.inode, e.size, e.mtime, e.ctime, e.kind, e.mode) for e in entries}

    before, after = states(scanned.earlier), states(scanned.entries)
    expected = {}
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path):
            kind = "new" if path not in before else "changed" if path in after else "gone"
            sizes = [states[path][1] if path in states else 0 for states in (before, after)]
            expected[path] = (kind, sizes[1] - sizes[0])
    assert {path: (kind, grown) for kind, path, grown in scanned.ask("changes")} == expected
    assert Counter(kind for kind, _ in expected.values()).keys() == {"new", "gone", "changed"}


def test_growth_is_the_difference_of_the_sums(scanned):
    grown = Counter()
    for entries, sign in [(scanned.entries, 1), (scanned.earlier, -1)]:
        for entry in once(entries):
            grown[above(entry, 1, scanned)] += sign * entry.allocated
    del grown[None]
    expected = sorted((path, size) for path, size in grown.items() if size)
    assert sorted(scanned.ask("growth")) == expected
    assert len(expected) > 1
