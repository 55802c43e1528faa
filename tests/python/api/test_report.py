"""`report` writes the table that the command writes, and says what it found and missed.

The rows themselves are the matter of other tests; here they are compared with the command's.
"""

import errno
import os
import subprocess
from pathlib import Path

import pwalk
import pyarrow.feather
import pyarrow.parquet
import pytest
import readers
from expected import COLUMNS, CSV_COLUMNS

from api.process import ordinary_user, python, strace

ZSTD, GZIP, TEXT = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"inode,"


def _rows(path):
    """The rows of a CSV, packed as its name says."""
    columns = readers.parse_csv(readers.unpacked(Path(path)))
    return list(zip(*columns.values(), strict=True))


def _csv(top, output, **options):
    """The rows of a report in CSV, by name of column."""
    path, _ = pwalk.report(top, output, **options)
    return [dict(zip(CSV_COLUMNS, row, strict=True)) for row in _rows(path)]


def _names(top, output, **options):
    """The paths in a report, below its root."""
    paths = [row["filename"] for row in _csv(top, output, **options)]
    return sorted(os.path.relpath(path, top) for path in paths)


def _begins(path, begin):
    with open(path, "rb") as file:
        return file.read(len(begin)) == begin


# The table


@pytest.mark.parametrize("suffix", ["csv", "csv.zst", "csv.gz"])
def test_the_rows_are_those_of_the_command(trees, command, tmp_path, suffix):
    for top in (trees / name for name in ("basic", "links", "names", "not_utf8", "hard_links")):
        ours, theirs = tmp_path / f"ours.{suffix}", tmp_path / f"theirs.{suffix}"
        pwalk.report(top, ours)
        subprocess.run([command, "report", "-q", "-o", theirs, top], check=True)
        got, expected = map(_rows, (ours, theirs))
        assert sorted(got) == sorted(expected) != []


def test_the_default_is_a_packed_csv_in_the_working_directory(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output, errors = pwalk.report(tree)
    assert os.path.samefile(output, tmp_path / "scan.csv.zst")
    assert errors == []
    assert len(_rows(tmp_path / "scan.csv.zst")) == 18


@pytest.mark.parametrize("wrap", [str, os.fsencode, Path])
def test_paths_of_every_kind(tree, tmp_path, wrap):
    output, _ = pwalk.report(wrap(tree), wrap(tmp_path / "out.csv"))
    assert os.path.samefile(output, tmp_path / "out.csv")


def test_the_result_is_a_pair_with_names(tree, tmp_path):
    result = pwalk.report(tree, tmp_path / "out.csv")
    assert isinstance(result, pwalk.Report)
    output, errors = result
    assert (result.output, result.errors) == (output, errors)
    assert "out.csv" in repr(result)


def test_the_summary_tells_what_was_found(tree, tmp_path):
    summary = pwalk.report(tree, tmp_path / "out.csv").summary
    assert summary["complete"] is True
    assert summary["entries"] == {"dir": 7, "file": 9, "symlink": 2}
    # The summary of `pwalk report --json` has more, and so may this one.
    assert summary["errors"] == {} and summary["vanished"] == 0
    sizes = [os.lstat(path).st_size for path in [tree, *tree.rglob("*")]]
    assert summary["bytes"]["apparent"] == sum(sizes)
    assert summary["bytes"]["allocated"] >= 0
    assert summary["seconds"] >= 0


@pytest.mark.parametrize(
    "compress, begin",
    [("auto", ZSTD), ("zstd", ZSTD), ("gzip", GZIP), ("none", TEXT)],
    ids=["auto", "zstd", "gzip", "none"],
)
def test_compress(tree, tmp_path, monkeypatch, compress, begin):
    monkeypatch.chdir(tmp_path)
    output, _ = pwalk.report(tree, compress=compress)
    assert _begins(output, begin)
    # What is packed so says it in its name.
    assert len(_rows(output)) == 18


@pytest.mark.parametrize(
    "name, compress, expected, begin",
    [
        ("scan.csv", "zstd", "scan.csv.zst", ZSTD),
        ("scan.csv", "gzip", "scan.csv.gz", GZIP),
        ("scan.csv", "none", "scan.csv", TEXT),
        ("scan.csv.gz", "gzip", "scan.csv.gz", GZIP),
        ("scan.ndjson", "zstd", "scan.ndjson.zst", ZSTD),
        ("scan.parquet", "zstd", "scan.parquet", b"PAR1"),
        ("scan.arrow", "lz4", "scan.arrow", b"ARROW1"),
    ],
)
def test_a_compression_is_part_of_the_name(tree, tmp_path, name, compress, expected, begin):
    folder = tmp_path / "out"
    folder.mkdir()
    output, errors = pwalk.report(tree, folder / name, compress=compress)
    assert (output, errors) == (str(folder / expected), [])
    assert os.listdir(folder) == [expected]
    assert _begins(output, begin)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("x.csv.zst", {"compress": "none"}),
        ("x.csv.gz", {"compress": "zstd"}),
        ("x.parquet", {"compress": "none"}),
        ("x.ndjson", {"compress": "gzip"}),
        ("x.csv", {"format": "parquet"}),
        ("x.csv", {"format": "csv.zst"}),
        ("x.gz", {"format": "csv"}),
    ],
)
def test_a_name_that_says_something_else_is_refused(tree, tmp_path, name, arguments):
    folder = tmp_path / "out"
    folder.mkdir()
    (argument,) = arguments
    with pytest.raises(ValueError, match=f"^{argument}: "):
        pwalk.report(tree, folder / name, **arguments)
    assert os.listdir(folder) == []


def test_t2_changed_names_are_among_the_errors_with_their_exact_bytes(tmp_path):
    top = os.fsencode(tmp_path / "tree")
    os.makedirs(top + b"/\xff")
    open(top + b"/\xff/\xe9.txt", "x").close()
    report = pwalk.report(top, tmp_path / "out.csv")
    changed = sorted((error.errno, os.fsencode(error.filename)) for error in report.errors)
    assert changed == [(errno.EILSEQ, top + b"/\xff"), (errno.EILSEQ, top + b"/\xff/\xe9.txt")]
    assert report.summary["complete"] and report.summary["changed_names"] == 2
    assert pwalk.report(top, tmp_path / "out.parquet").errors == []


@pytest.mark.parametrize("format", ["csv", "csv.zst", "csv.gz", "parquet", "arrow", "ndjson"])
def test_format_where_the_suffix_says_nothing(tree, tmp_path, format):
    output, _ = pwalk.report(tree, tmp_path / "table", format=format)
    begin = {"csv": TEXT, "csv.zst": ZSTD, "csv.gz": GZIP, "parquet": b"PAR1", "arrow": b"ARROW1"}
    assert _begins(output, begin.get(format, b'{"inode":'))


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_columns(tree, tmp_path, suffix):
    read = pyarrow.parquet.read_table if suffix == "parquet" else pyarrow.feather.read_table

    def names(columns):
        output, _ = pwalk.report(tree, tmp_path / f"out.{suffix}", columns=columns)
        return read(output).column_names

    assert names(None) == COLUMNS == pwalk.COLUMNS
    assert names(["inode", "st_size", "user"]) == ["inode", "st_size", "user"]
    assert names(("filename",)) == ["filename"]


def test_exclude(tree, tmp_path):
    output = tmp_path / "out.csv"
    everything = set(_names(tree, output))
    assert everything - set(_names(tree, output, exclude=["*.txt", "a/x"])) == {
        *("1.txt", "2.txt", "a/x", "a/x/4.csv", "a/x/deep", "a/x/deep/5"),
    }
    assert everything - set(_names(tree, output, exclude=("*.txt", "!2.txt"))) == {"1.txt"}
    assert set(_names(tree, output, exclude=[])) == everything


def test_t54_excludes_take_full_paths_and_what_matched_nothing_is_told(tree, tmp_path):
    exclude = [str(tree / "a"), "nope", str(tree / "none")]
    summary = pwalk.report(tree, tmp_path / "out.csv", exclude=exclude).summary
    assert summary["skipped"]["excluded"] == 1
    assert summary["unmatched_excludes"] == {"count": 2, "first": exclude[1:]}


def test_where(tree, tmp_path):
    output = tmp_path / "out.csv"
    everything = set(_names(tree, output))
    assert set(_names(tree, output, where="kind = file and name ~ '*.txt'")) == {"1.txt", "2.txt"}
    kept = set(_names(tree, output, where="not name ~ '*.txt'", exclude=["a"]))
    assert kept == {name for name in everything - {"1.txt", "2.txt"} if name.split("/")[0] != "a"}
    report = pwalk.report(tree, output, where="name ~ '*.txt'")
    assert report.summary["skipped"]["filtered"] == len(everything) - 2
    assert report.summary["entries"] == {"file": 2} and report.summary["complete"]
    assert set(_names(tree, output, where=None)) == everything


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ("sise > 1", ValueError, "where: 'sise > 1': no such field 'sise'; did you mean 'size'?"),
        ("size > x", ValueError, "(at character 8)"),
        ("", ValueError, "where: '': a test is missing here"),
        ("name = '\udcff'", ValueError, r'write such bytes as "\xff"'),
        (["empty"], TypeError, "where: must be a string, as 'size > 1G', not list"),
        (b"empty", TypeError, "where: must be a string"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_with_its_place(
    tree, tmp_path, where, error, message
):
    with pytest.raises(error) as raised:
        pwalk.report(tree, tmp_path / "o.csv", where=where)
    assert message in str(raised.value)
    with pytest.raises(error):
        pwalk.scan(tree, where=where)
    assert list(tmp_path.glob("o.csv*")) == []


REPORT_WHERE = """
import sys, pwalk
top, output, where, columns = sys.argv[1:]
pwalk.report(top, output, 1, where=where, columns=columns or None)
"""


def test_what_a_name_leaves_out_costs_no_request(tmp_path):
    top = tmp_path / "top"
    for folder in range(10):
        (top / f"d{folder}").mkdir(parents=True)
        for file in range(50):
            (top / f"d{folder}" / f"marked-{file}.{'bam' if file % 10 == 0 else 'txt'}").touch()

    def n_asked(where, columns=""):
        trace = tmp_path / "trace"
        prefix = strace("-o", str(trace), "-e", "trace=statx,newfstatat,io_uring_enter")
        python(REPORT_WHERE, top, tmp_path / "o.parquet", where, columns, prefix=prefix)
        calls = trace.read_text(errors="replace")
        assert "io_uring_enter" not in calls
        return calls.count('"marked-')

    assert n_asked("size >= 0") == 500
    # No directory has a row, so that nobody sees what it sums up.
    assert n_asked("name ~ '*.bam'") == 50
    assert n_asked("size > 1K and extension = bam") == 50
    assert n_asked("name = none") == 0
    assert n_asked("kind = dir or extension = bam") == 500
    assert n_asked("kind = dir or extension = bam", "-pw_dirsum") == 50
    assert n_asked("kind = dir", "-pw_dirsum") == 0


def test_one_text_for_exclude_is_one_pattern_or_refused(tree, tmp_path):
    # Never a pattern for each letter.
    try:
        names = _names(tree, tmp_path / "out.csv", exclude="1.txt")
    except TypeError as error:
        assert "exclude" in str(error)
    else:
        assert "1.txt" not in names and len(names) == 17


def test_max_depth(tree, tmp_path):
    output = tmp_path / "out.csv"
    assert _names(tree, output, max_depth=0) == ["."]
    assert len(_names(tree, output, max_depth=1)) == 8
    assert len(_names(tree, output, max_depth=2)) == 14
    assert len(_names(tree, output, max_depth=10**6)) == 18


def test_one_file_system(tmp_path):
    if not os.path.ismount("/dev/shm"):
        pytest.skip("needs a filesystem that is mounted on /dev/shm")
    output = tmp_path / "out.csv"
    devices = {row["st_dev"] for row in _csv("/dev", output, one_file_system=True)}
    assert devices == {os.stat("/dev").st_dev}
    assert os.stat("/dev/shm").st_dev in {row["st_dev"] for row in _csv("/dev", output)}


def test_snapshots_are_not_entered_unless_asked_for(trees, tmp_path):
    top, output = trees / "snapshots", tmp_path / "out.csv"
    inside = set(_names(top, output, ignore_snapshots=False)) - set(_names(top, output))
    assert inside and all("snap" in name or ".zfs" in name for name in inside)


@pytest.mark.parametrize("max_threads", [1, 2, 8, 64])
def test_any_number_of_workers_finds_the_same(large, tmp_path, max_threads):
    names = _names(large, tmp_path / "out.csv", max_threads=max_threads)
    assert names == sorted(os.path.relpath(path, large) for path in [large, *large.rglob("*")])


def test_t10_roots_that_are_no_folder(tree, tmp_path):
    output = tmp_path / "out.csv"
    assert [row["filename"] for row in _csv(tree / "1.txt", output)] == [str(tree / "1.txt")]
    assert [row["filename"] for row in _csv(tree / "dangling", output)] == [str(tree / "dangling")]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert [row["pw_fcount"] for row in _csv(empty, output)] == [0]


# Whole or not there


def test_an_older_report_is_replaced(tree, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("older")
    assert len(_csv(tree, output)) == 18
    assert set(os.listdir(tmp_path)) == {"out.csv", "tree"}


# Errors


@pytest.fixture
def closed(public):
    """A tree in which an ordinary user can't see all, with what he can't read."""
    top = public / "closed"
    if not top.exists():
        for name in ("open", "closed", "closed too"):
            (top / name / "below").mkdir(parents=True)
    folders = [top / "closed", top / "closed too"]
    for folder in folders:
        folder.chmod(0)
    yield top, folders
    for folder in folders:
        folder.chmod(0o755)


def test_t20_what_could_not_be_read_is_listed(closed, public):
    top, folders = closed
    results = public / "results"
    results.mkdir()
    results.chmod(0o777)
    with ordinary_user():
        result = pwalk.report(top, results / "out.csv")
    assert sorted(error.filename for error in result.errors) == sorted(map(str, folders))
    for error in result.errors:
        assert type(error) is PermissionError and error.errno == errno.EACCES
        assert error.strerror == os.strerror(errno.EACCES)
    assert result.summary["complete"] is False
    assert result.summary["errors"] == {"EACCES": 2}
    rows = _rows(result.output)
    assert len(rows) == 5


def test_t4_errors_have_the_exact_name(public):
    top = public / os.fsdecode(b"not \xff utf8")
    (top / os.fsdecode(b"closed \xfe")).mkdir(parents=True)
    (top / os.fsdecode(b"closed \xfe")).chmod(0)
    (public / "exact").mkdir()
    (public / "exact").chmod(0o777)
    with ordinary_user():
        for root in (top, os.fsencode(top)):
            _, errors = pwalk.report(root, public / "exact" / "out.csv")
            (error,) = [error for error in errors if error.errno == errno.EACCES]
            assert os.fsencode(error.filename) == os.fsencode(top) + b"/closed \xfe"


@pytest.mark.parametrize("wrap", [str, os.fsencode, Path])
def test_a_missing_root(tmp_path, wrap):
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError) as raised:
        pwalk.report(wrap(missing), tmp_path / "out.csv")
    assert raised.value.errno == errno.ENOENT
    assert os.fsdecode(raised.value.filename) == str(missing)
    assert os.listdir(tmp_path) == []


def test_an_output_that_can_not_be_written(tree, tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        pwalk.report(tree, tmp_path / "missing" / "out.csv")
    assert raised.value.errno == errno.ENOENT
    assert "missing" in os.fsdecode(raised.value.filename)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OSError):
        pwalk.report(tree, tmp_path / "folder.csv")
    assert os.listdir(tmp_path / "folder.csv") == []


WRONG = [
    ("top", None, TypeError),
    ("top", 5, TypeError),
    ("top", "a\0b", ValueError),
    ("top", "\ud800", ValueError),
    ("output", 5, TypeError),
    ("output", "out.xls", ValueError),
    ("max_threads", 0, ValueError),
    ("max_threads", -1, ValueError),
    ("max_threads", 2**70, ValueError),
    ("max_threads", 1.5, TypeError),
    ("max_threads", "two", TypeError),
    ("compress", "brotli", ValueError),
    ("compress", 5, TypeError),
    ("format", "xls", ValueError),
    ("format", 5, TypeError),
    ("columns", ["inode", "nope"], ValueError),
    ("columns", [], ValueError),
    ("columns", ["inode", "inode"], ValueError),
    ("columns", [5], TypeError),
    ("columns", 5, TypeError),
    ("exclude", ["["], ValueError),
    ("exclude", [5], TypeError),
    ("exclude", 5, TypeError),
    ("max_depth", -1, ValueError),
    ("max_depth", "1", TypeError),
    ("progress_callback", 5, TypeError),
    ("progress_interval", -1, ValueError),
    ("progress_interval", float("nan"), ValueError),
    ("progress_interval", "often", TypeError),
]


@pytest.mark.parametrize("name, value, error", WRONG, ids=lambda value: repr(value)[:20])
def test_wrong_arguments_are_named(tree, tmp_path, monkeypatch, name, value, error):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    with pytest.raises(error, match=name) as raised:
        pwalk.report(**{"top": tree, "output": "out.parquet", name: value})
    assert raised.type is error
    assert sorted(os.listdir()) == before


def test_keywords_only_after_compress(tree, tmp_path):
    with pytest.raises(TypeError):
        pwalk.report(tree, tmp_path / "out.csv", 1, "auto", "csv")
    with pytest.raises(TypeError, match="follow"):
        pwalk.report(tree, tmp_path / "out.csv", follow=True)
    assert pwalk.report(tree, tmp_path / "out.csv", 1, "auto").errors == []
