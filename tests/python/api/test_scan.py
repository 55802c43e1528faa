"""`scan` is the table in memory: streamed while it grows, read by others without copying.

Also the low-level pair: `traverse` writes the table to a file, `read_buffer` reads it.
"""

import errno
import gc
import itertools
import os
import stat
import subprocess
import tempfile
import threading

import duckdb
import numpy
import pandas
import polars
import pwalk
import pyarrow
import pyarrow.ipc
import pytest
from expected import COLUMNS

from api.process import descriptors, finish, nothing_is_left, ordinary_user, python, slow_child

NUMBERS = {
    **dict.fromkeys(["inode", "parent-inode", "st_dev"], numpy.uint64),
    **dict.fromkeys(["UID", "GID", "st_nlink", "st_mode"], numpy.uint32),
    **dict.fromkeys(["st_size", "st_blocks", "st_atime", "st_mtime", "st_ctime"], numpy.int64),
    "directory-depth": numpy.int32,
}


def _table(scan):
    """All of a scan as a table of PyArrow."""
    return pyarrow.table(scan)


def _address(array):
    return array.__array_interface__["data"][0]


def _paths(table):
    """The exact paths in a table."""
    names, exact = (table[name].to_pylist() for name in ("filename", "filename_bytes"))
    return sorted(raw or name.encode() for name, raw in zip(names, exact, strict=True))


def _expected_paths(top):
    top = os.fsencode(top)
    found = [top]
    for folder, dirs, files in os.walk(top):
        found += [os.path.join(folder, name) for name in dirs + files]
    return sorted(found)


# The table, read by others


def test_the_columns_and_their_types(tree):
    schema = _table(pwalk.scan(tree)).schema
    assert schema.names == COLUMNS
    for name, number in NUMBERS.items():
        assert schema.field(name).type == pyarrow.from_numpy_dtype(number)
    for name in ("pw_fcount", "pw_dirsum"):
        assert schema.field(name).type == pyarrow.int64()
    assert schema.field("filename").type in (pyarrow.string(), pyarrow.large_string())


def test_totals_of_subtrees_are_columns_like_others(tree):
    scan = pwalk.scan(tree, columns="+tree")
    totals = [name for name in pwalk.ALL_COLUMNS if name.startswith("tree_")]
    assert len(totals) == 8
    assert scan.columns == COLUMNS + totals
    table = _table(scan)
    root = table.column("directory-depth").to_pylist().index(-1)
    assert table.column("tree_count").to_pylist()[root] == len(scan) - 1
    is_dir = [kind == "dir" for kind in table.column("kind").to_pylist()]
    assert [size is not None for size in table.column("tree_size").to_pylist()] == is_dir
    assert (scan["tree_dirs"] > 0).any()
    assert not scan["tree_errors"].any()
    assert pwalk.scan(tree, columns=["filename", "tree_count"]).columns == [
        "filename",
        "tree_count",
    ]


@pytest.mark.parametrize("name", ["basic", "links", "names", "not_utf8", "hard_links", "times"])
def test_the_rows_are_those_of_the_command(trees, command, tmp_path, name):
    file = tmp_path / "theirs.arrow"
    subprocess.run([command, "report", "-q", "-o", file, trees / name], check=True)
    expected = pyarrow.ipc.open_file(file).read_all()
    got = _table(pwalk.scan(trees / name))
    assert got.column_names == expected.column_names
    assert sorted(map(repr, got.to_pylist())) == sorted(map(repr, expected.to_pylist()))


def test_t1_t2_t4_t5_hostile_names_are_whole(trees):
    for name in ("names", "not_utf8"):
        assert _paths(_table(pwalk.scan(trees / name))) == _expected_paths(trees / name)


def test_every_library_reads_it(large):
    scan = pwalk.scan(large)
    assert len(scan) == 20_201
    table = _table(scan)
    assert table.num_rows == 20_201
    assert pyarrow.RecordBatchReader.from_stream(scan).read_all() == table
    assert polars.DataFrame(scan).height == 20_201
    assert polars.DataFrame(scan)["inode"].to_list() == table["inode"].to_pylist()
    question = "SELECT count(*), count(DISTINCT inode), sum(st_size) FROM scan"
    assert duckdb.connect().sql(question).fetchall() == [
        (20_201, 20_201, sum(table["st_size"].to_pylist()))
    ]
    assert len(pandas.DataFrame({"st_size": scan["st_size"]})) == 20_201


def test_texts_of_few_values_can_be_grouped_and_sorted_across_batches(large):
    rows = _table(pwalk.scan(large))
    assert rows.column("fileExtension").num_chunks > 1
    for name, counts in {
        "fileExtension": {"": 201, "dat": 20_000},
        "kind": {"dir": 201, "file": 20_000},
    }.items():
        grouped = rows.group_by(name).aggregate([("st_size", "count")]).to_pylist()
        assert {row[name]: row["st_size_count"] for row in grouped} == counts
        grouped = rows.to_pandas().groupby(name, observed=True).size()
        assert grouped.to_dict() == counts
        frame = polars.DataFrame(rows).group_by(name).len()
        assert dict(frame.iter_rows()) == counts
        found = duckdb.sql(f"SELECT {name}, count(*) FROM rows GROUP BY ALL")
        assert dict(found.fetchall()) == counts
    extensions = rows.sort_by("fileExtension")["fileExtension"].to_pylist()
    assert extensions == [""] * 201 + ["dat"] * 20_000


def test_it_may_be_read_many_times(tree):
    scan = pwalk.scan(tree)
    first = _table(scan)
    assert sum(pyarrow.record_batch(batch).num_rows for batch in scan) == 18
    assert _table(scan) == first
    assert sum(pyarrow.record_batch(batch).num_rows for batch in scan) == 18


@pytest.mark.parametrize("wrap", [str, os.fsencode, os.path.abspath])
def test_roots_of_every_kind(tree, wrap):
    assert len(pwalk.scan(wrap(tree))) == len(pwalk.scan(tree)) == 18


def test_t10_roots_with_one_row(tree, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for root in (empty, tree / "1.txt", tree / "dangling"):
        scan = pwalk.scan(root)
        assert len(scan) == 1
        assert _table(scan)["filename"].to_pylist() == [str(root)]
        assert len(scan["st_size"]) == 1
        assert polars.DataFrame(scan).height == 1


def test_options_are_those_of_the_report(tree):
    def names(**options):
        paths = _table(pwalk.scan(tree, **options))["filename"].to_pylist()
        return {os.path.relpath(path, tree) for path in paths}

    assert names(max_depth=0) == {"."}
    assert len(names(exclude=["*.txt"])) == 16
    assert len(names(where="not name ~ '*.txt'")) == 16
    assert len(names(max_threads=1)) == 18
    assert len(names(one_file_system=True, ignore_snapshots=False)) == 18
    assert _table(pwalk.scan(tree, columns=["inode", "kind"])).column_names == ["inode", "kind"]


# Columns as arrays


def _chunks(table, name, array):
    """Addresses in the table of the values in an array, chunk by chunk."""
    for chunk in table[name].chunks:
        yield chunk.buffers()[1].address + chunk.offset * array.itemsize


def test_a_column_is_a_view_of_the_table(tree):
    scan = pwalk.scan(tree, max_threads=1)
    table = _table(scan)
    for name, number in NUMBERS.items():
        array = scan[name]
        assert type(array) is numpy.ndarray and array.dtype == number
        assert array.tolist() == table[name].to_pylist()
        assert [_address(array)] == list(_chunks(table, name, array))
        assert _address(numpy.asarray(scan[name])) == _address(array)
        assert not array.flags.writeable and not array.flags.owndata


def test_a_column_of_many_batches(large):
    scan = pwalk.scan(large, columns=["inode", "st_size"])
    array = scan["inode"]
    # It had to be joined, once; from then on it is what the table holds.
    assert _address(scan["inode"]) == _address(array)
    table = _table(scan)
    assert array.tolist() == table["inode"].to_pylist()
    starts = list(_chunks(table, "inode", array))
    n_before = itertools.accumulate(map(len, table["inode"].chunks[:-1]), initial=0)
    assert starts == [_address(array) + n * array.itemsize for n in n_before]
    assert len(starts) > 1


def test_a_column_outlives_its_scan(large):
    scan = pwalk.scan(large, max_threads=1)
    array, table = scan["inode"], _table(scan)
    expected = array.tolist()
    del scan
    gc.collect()
    # What is freed would be used again.
    others = [pwalk.scan(large)["st_mtime"] for _ in range(5)]
    assert array.tolist() == table["inode"].to_pylist() == expected
    assert len(others) == 5


def test_a_column_that_is_not_there(tree):
    scan = pwalk.scan(tree, columns=["inode"])
    for name in ("st_size", "nope", ""):
        with pytest.raises(KeyError, match=repr(name)):
            scan[name]
    with pytest.raises(TypeError):
        scan[5]


# While the walk runs


STREAM = """
import sys, time
import pyarrow
import pwalk
from api.process import ready

ready()
begin = time.monotonic()
scan = pwalk.scan(sys.argv[1], max_threads=1, exclude=["folder-1[2-9]*"])
started = time.monotonic() - begin
n_rows, first = 0, None
for batch in scan:
    n_rows += pyarrow.record_batch(batch).num_rows
    first = first or time.monotonic() - begin
whole = time.monotonic() - begin
assert n_rows == len(scan) == 12_121, n_rows
print(started, first, whole)
"""


def test_batches_come_while_the_walk_is_running(large):
    # Seconds of walking; a batch is full when two thirds of it are done.
    with slow_child(STREAM, large, milliseconds=0.1) as process:
        started, first, whole = map(float, finish(process).split())
    assert whole > 0.5
    assert started < whole / 3 and first < whole * 0.85


def test_several_consumers_may_stream_at_once(large):
    tables = []
    with nothing_is_left():
        scan = pwalk.scan(large)
        threads = [threading.Thread(target=lambda: tables.append(_table(scan))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(tables) == 4 and all(table.num_rows == 20_201 for table in tables)


def test_a_scan_that_is_forgotten_stops(large):
    with nothing_is_left():
        for _ in range(20):
            scan = pwalk.scan(large)
            del scan
    with nothing_is_left():
        for _ in range(20):
            next(iter(pwalk.scan(large)))


def test_a_stream_that_is_dropped_half_way(large):
    with nothing_is_left():
        scan = pwalk.scan(large)
        reader = pyarrow.RecordBatchReader.from_stream(scan)
        reader.read_next_batch()
        reader.close()
        del reader
        assert len(scan) == 20_201
        del scan


# Spilled to files


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    """2,000 files whose paths are long: about 7 MB of names."""
    top = tmp_path_factory.mktemp("heavy")
    fd = os.open(top, os.O_DIRECTORY)
    for _ in range(14):
        os.mkdir("d" * 250, dir_fd=fd)
        below = os.open("d" * 250, os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    for n in range(2000):
        os.close(os.open(f"{n}", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    return top


@pytest.fixture
def spill(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "spill"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def _uses(folder):
    """Does this process hold a file in the folder, by name, by descriptor or in its memory?"""
    with open("/proc/self/maps") as maps:
        mapped = any(str(folder) in line for line in maps)
    opened = any(str(folder) in target for target in descriptors().values())
    return mapped or opened or bool(os.listdir(folder))


def test_a_scan_beyond_its_buffer_is_spilled_and_the_same(heavy, spill):
    in_memory = pwalk.scan(heavy, max_threads=1, buffer_size_mb=1024)
    expected = _table(in_memory)
    assert not _uses(spill)
    with nothing_is_left():
        scan = pwalk.scan(heavy, max_threads=1, buffer_size_mb=1)
        assert len(scan) == 2015
        assert _uses(spill)
        table = _table(scan)
        assert _paths(table) == _paths(expected)
        assert sorted(scan["inode"].tolist()) == sorted(in_memory["inode"].tolist())
        assert sum(pyarrow.record_batch(batch).num_rows for batch in scan) == 2015
        assert scan.summary["complete"] is True
        del scan, table
    assert not _uses(spill)


def test_what_was_spilled_outlives_its_scan(heavy, spill):
    scan = pwalk.scan(heavy, max_threads=1, buffer_size_mb=1)
    array, table = scan["inode"], _table(scan)
    del scan
    gc.collect()
    assert array.tolist() == table["inode"].to_pylist()
    assert len(set(_paths(table))) == 2015
    del array, table
    gc.collect()
    assert not _uses(spill)


def test_a_full_disk_is_an_error_and_no_hole(heavy, spill, monkeypatch):
    # A folder that is not there stands for a disk that can't be written.
    monkeypatch.setenv("TMPDIR", str(spill / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", str(spill / "missing"))
    scan = pwalk.scan(heavy, buffer_size_mb=1)
    with pytest.raises(FileNotFoundError):
        len(scan)
    # PyArrow has an exception of its own for what a stream says.
    with pytest.raises((OSError, pyarrow.ArrowException), match="missing"):
        _table(scan)


def test_a_folder_for_temporary_files_is_asked_for_when_something_is_spilled(tree, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [])
    with pytest.raises(FileNotFoundError):
        tempfile.gettempdir()
    assert len(pwalk.scan(tree)) == 18


def test_a_killed_scan_leaves_no_file(heavy, spill):
    program = """
import os, sys
import pwalk
scan = pwalk.scan(sys.argv[1], buffer_size_mb=1)
assert len(scan) == 2015
print(os.getpid(), flush=True)
os._exit(0)
"""
    python(program, heavy)
    assert os.listdir(spill) == []


# Errors


def test_errors_and_summary(public):
    top = public / "scanned"
    for name in ("open", "closed"):
        (top / name / "below").mkdir(parents=True)
    (top / "closed").chmod(0)
    with ordinary_user():
        scan = pwalk.scan(top)
        assert len(scan) == 4
    (error,) = scan.errors
    assert type(error) is PermissionError and error.errno == errno.EACCES
    assert error.filename == str(top / "closed")
    assert scan.summary["complete"] is False
    assert scan.summary["errors"] == {"EACCES": 1}
    (top / "closed").chmod(0o755)
    assert pwalk.scan(top).errors == []
    assert pwalk.scan(top).summary["complete"] is True
    assert pwalk.scan(top).summary["entries"] == {"dir": 5}


@pytest.mark.parametrize("wrap", [str, os.fsencode])
def test_a_missing_root_is_known_at_the_call(tmp_path, wrap):
    missing = wrap(tmp_path / "missing")
    with pytest.raises(FileNotFoundError) as raised:
        pwalk.scan(missing)
    assert os.fsencode(raised.value.filename) == os.fsencode(missing)


WRONG = [
    ("top", None, TypeError),
    ("top", "a\0b", ValueError),
    ("top", "\ud800", ValueError),
    ("max_threads", 0, ValueError),
    ("max_threads", "two", TypeError),
    ("columns", ["nope"], ValueError),
    ("columns", 5, TypeError),
    ("exclude", ["["], ValueError),
    ("exclude", 5, TypeError),
    ("max_depth", -1, ValueError),
    ("buffer_size_mb", -1, ValueError),
    ("buffer_size_mb", "big", TypeError),
    ("progress_callback", 5, TypeError),
    ("progress_interval", -1, ValueError),
]


@pytest.mark.parametrize("name, value, error", WRONG, ids=lambda value: repr(value)[:20])
def test_wrong_arguments_are_named(tree, name, value, error):
    with pytest.raises(error, match=name):
        pwalk.scan(**{"top": tree, name: value})


# traverse and read_buffer


def test_traverse_and_read_buffer(tree, tmp_path):
    result = pwalk.traverse(tree, output_dir=tmp_path)
    assert set(result) >= {"buffer_file", "total_files", "total_dirs", "total_bytes", "elapsed"}
    assert os.path.dirname(os.path.abspath(result["buffer_file"])) == str(tmp_path)
    rows = pwalk.read_buffer(result["buffer_file"])
    expected = []
    for path in [tree, *tree.rglob("*")]:
        info = os.lstat(path)
        is_dir = stat.S_ISDIR(info.st_mode)
        sizes = (info.st_ino, info.st_size, info.st_uid, info.st_gid, int(info.st_mtime))
        expected.append((str(path), is_dir, *sizes))
    assert sorted(rows) == sorted(expected)
    assert all(isinstance(row, tuple) and type(row[1]) is bool for row in rows)
    assert result["total_dirs"] == 7 and result["total_files"] == 11
    sizes = {is_dir: sum(row[3] for row in rows if row[1] is is_dir) for is_dir in (False, True)}
    assert result["total_bytes"] in (sizes[False], sizes[False] + sizes[True])
    assert 0 <= result["elapsed"] < 60


def test_the_buffer_is_an_arrow_file(tree, tmp_path):
    file = pwalk.traverse(tree, output_dir=tmp_path)["buffer_file"]
    with pyarrow.memory_map(os.fspath(file)) as source:
        assert pyarrow.ipc.open_file(source).read_all().num_rows == 18


def test_limit(tree, tmp_path):
    file = pwalk.traverse(tree, output_dir=tmp_path)["buffer_file"]
    rows = pwalk.read_buffer(file)
    assert pwalk.read_buffer(file, limit=5) == rows[:5]
    assert pwalk.read_buffer(file, 0) == []
    assert pwalk.read_buffer(file, limit=10**9) == rows
    with pytest.raises(ValueError, match="limit"):
        pwalk.read_buffer(file, limit=-1)
    with pytest.raises(TypeError, match="limit"):
        pwalk.read_buffer(file, limit="all")


def test_t4_names_in_the_buffer_lead_back_to_their_files(trees, tmp_path):
    top = trees / "not_utf8"
    rows = pwalk.read_buffer(pwalk.traverse(top, output_dir=tmp_path)["buffer_file"])
    assert sorted(os.fsencode(row[0]) for row in rows) == _expected_paths(top)
    assert all(os.lstat(path).st_ino == inode for path, _, inode, *_ in rows)


def test_without_a_folder_the_buffer_is_in_that_for_temporary_files(tree, spill):
    file = pwalk.traverse(tree)["buffer_file"]
    assert os.path.exists(file)
    assert not os.path.abspath(file).startswith(str(tree))
    assert len(pwalk.read_buffer(file)) == 18
    os.remove(file)


def test_buffers_of_two_walks_are_two_files(tree, tmp_path):
    first, second = (pwalk.traverse(tree, output_dir=tmp_path)["buffer_file"] for _ in range(2))
    assert first != second
    assert sorted(pwalk.read_buffer(first)) == sorted(pwalk.read_buffer(second))


def test_t41_nothing_is_lost_with_any_number_of_workers(large, tmp_path):
    for max_threads in (1, 8):
        result = pwalk.traverse(large, max_threads=max_threads, output_dir=tmp_path)
        assert (result["total_files"], result["total_dirs"]) == (20_000, 201)
        assert len(pwalk.read_buffer(result["buffer_file"])) == 20_201


def test_t55_read_buffer_invents_nothing_that_the_file_lacks(tree, tmp_path):
    file = tmp_path / "scan.arrow"
    pwalk.report(tree, file, columns="filename,inode,st_size,UID,st_mtime,kind")
    with pytest.raises(ValueError, match="has no column GID"):
        pwalk.read_buffer(file)
    pwalk.report(tree, file, columns="filename,inode,st_size,UID,GID,st_mtime")
    with pytest.raises(ValueError, match="has no column st_mode or kind"):
        pwalk.read_buffer(file)
    pwalk.report(tree, file, columns="filename,inode,st_size,UID,GID,st_mtime,st_mode")
    rows = pwalk.read_buffer(file)
    assert {row[0] for row in rows if row[1]} == {folder for folder, *_ in os.walk(tree)}


def test_what_traverse_and_read_buffer_refuse(tree, tmp_path):
    with pytest.raises(FileNotFoundError):
        pwalk.traverse(tmp_path / "missing", output_dir=tmp_path)
    with pytest.raises(FileNotFoundError):
        pwalk.traverse(tree, output_dir=tmp_path / "missing")
    with pytest.raises(TypeError, match="progress_callback"):
        pwalk.traverse(tree, output_dir=tmp_path, progress_callback=5)
    with pytest.raises(ValueError, match="update_interval"):
        pwalk.traverse(tree, output_dir=tmp_path, update_interval=-1)
    with pytest.raises(FileNotFoundError):
        pwalk.read_buffer(tmp_path / "missing")
    (tmp_path / "text").write_text("no buffer")
    with pytest.raises((OSError, ValueError)):
        pwalk.read_buffer(tmp_path / "text")
    assert sorted(os.listdir(tmp_path)) == ["text", "tree"]
