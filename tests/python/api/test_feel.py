"""What the objects of the package are like to use: conversions, messages, how they look."""

import collections
import copy
import errno
import html.parser
import io
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy
import pandas
import polars
import pwalk
import pyarrow
import pytest
from pwalk import _arguments

from api.process import ordinary_user


@pytest.fixture
def complete(tree):
    """A scan that is complete, in one batch, since one thread has written it."""
    scan = pwalk.scan(tree, 1)
    assert len(scan) == 18
    return scan


# Copies, and other processes


@pytest.fixture
def with_errors(public):
    """A report of a tree with a folder that can't be read."""
    top = public / "with errors"
    (top / "closed").mkdir(parents=True, exist_ok=True)
    (top / "closed").chmod(0)
    public.chmod(0o777)
    with ordinary_user():
        return pwalk.report(top, public / "with errors.csv")


COPIES = {
    **{
        f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(
            pickle.dumps(value, protocol)
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_of_a_report_is_a_report(with_errors, way):
    other = COPIES[way](with_errors)
    assert type(other) is pwalk.Report and repr(other) == repr(with_errors)
    assert (other.output, other.summary) == (with_errors.output, with_errors.summary)
    (error,) = other.errors
    assert type(error) is PermissionError and error.errno == errno.EACCES
    assert error.filename == with_errors.errors[0].filename


def _report(arguments):
    return pwalk.report(*arguments)


def test_processes_hand_reports_back(tree, tmp_path):
    work = [(tree, tmp_path / f"{number}.csv") for number in range(3)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        reports = pool.map_async(_report, work).get(timeout=60)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        reports += pool.map(_report, work, timeout=60)
    assert [os.path.basename(report.output) for report in reports] == ["0.csv", "1.csv", "2.csv"] * 2
    assert all(report.summary["complete"] for report in reports)


@pytest.mark.parametrize("way", COPIES)
def test_a_scan_says_that_it_can_not_be_copied(complete, way):
    with pytest.raises(TypeError, match=r"can't be pickled or copied.*scan.to_arrow\(\)"):
        COPIES[way](complete)


# Conversions


def test_what_a_scan_becomes(complete):
    table = complete.to_arrow()
    assert isinstance(table, pyarrow.Table) and table.num_rows == 18
    assert isinstance(complete.to_polars(), polars.DataFrame)
    assert complete.to_polars()["filename"].to_list() == table["filename"].to_pylist()
    frame = complete.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame.shape == (18, len(pwalk.COLUMNS))
    assert frame["st_size"].sum() == complete["st_size"].sum()
    assert frame["pw_fcount"].isna().sum() == table["pw_fcount"].null_count == 11
    arrays = complete.to_numpy()
    assert list(arrays) == complete.column_names == complete.columns == pwalk.COLUMNS
    assert pandas.DataFrame(arrays).shape == frame.shape
    assert numpy.shares_memory(arrays["inode"], complete["inode"])


CONVERSIONS = {
    "to_arrow": ("pyarrow", "arrow"),
    "to_polars": ("polars", "polars"),
    "to_pandas": ("pandas", "pandas"),
    "to_numpy": ("numpy", "numpy"),
}


@pytest.mark.parametrize("method", CONVERSIONS)
def test_a_library_that_is_missing_is_named_with_its_extra(complete, monkeypatch, method):
    library, extra = CONVERSIONS[method]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=re.escape(f"pip install 'pwalk-rs[{extra}]'")):
        getattr(complete, method)()
    extras = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert re.search(rf"^{extra} = ", extras, re.M)


@pytest.mark.parametrize("take", [numpy.asarray, numpy.array, pandas.DataFrame, pandas.Series])
def test_a_table_is_not_silently_made_an_array_of_something_else(complete, take):
    with pytest.raises(TypeError, match=r"scan\['st_size'\].*scan.to_pandas\(\)"):
        take(complete)
    if take is not pandas.Series:  # which takes any object as one value
        with pytest.raises((TypeError, ValueError)):
            take(next(iter(complete)))


def test_a_scan_and_its_batches_know_their_columns(complete):
    (batch,) = complete
    for table in (complete, batch):
        assert "inode" in table and "size" not in table and 5 not in table
        assert table.column_names == pwalk.COLUMNS == list(table.schema)
        assert table.schema["inode"] == "uint64" and table.schema["st_mtime"] == "int64"
        assert table["inode"].tolist() == complete["inode"].tolist()
        assert table["filename"].tolist() == complete["filename"].tolist()
    assert batch.num_rows == len(batch) == 18


def test_the_types_are_called_as_arrow_calls_them(tree):
    scan = pwalk.scan(tree, 1, columns=pwalk.ALL_COLUMNS)
    (batch,) = scan
    schema = pyarrow.schema(scan)
    for name, kind in scan.schema.items():
        theirs = re.sub(r"values=|indices=|, ordered=0", "", str(schema.field(name).type))
        if theirs.startswith("dictionary"):
            values, keys = theirs[len("dictionary<") : -1].split(", ")
            theirs = f"dictionary<{keys}, {values}>"
        assert kind == theirs
        assert batch.column(name).data_type == kind


def test_every_library_takes_a_column(complete):
    (batch,) = complete
    for name in ("inode", "filename", "kind", "pw_fcount", "filename_bytes"):
        column = batch.column(name)
        assert column.name == name and len(column) == 18
        assert pyarrow.array(column).to_pylist() == column.to_list() == list(column)
        assert polars.Series(column).to_list() == column.to_list()
        assert numpy.asarray(column).tolist() == column.to_numpy().tolist()
        assert pandas.Series(column).tolist() == column.to_numpy().tolist()


# Messages


def test_a_column_that_is_not_there_is_told_with_those_that_are(complete):
    (batch,) = complete
    for ask in (complete.__getitem__, batch.__getitem__, batch.column):
        reason = r"no column 'size' among inode, .*; did you mean 'st_size'\?"
        with pytest.raises(KeyError, match=reason) as raised:
            ask("size")
        assert all(name in str(raised.value) for name in pwalk.COLUMNS)
        with pytest.raises(KeyError, match="did you mean 'UID'"):
            ask("uid")
        for key in (0, None, b"inode", slice(3)):
            with pytest.raises(TypeError, match="a column is taken by its name, such as 'inode'"):
                ask(key)


@pytest.mark.parametrize("name", ["exclude", "columns"])
def test_t4_text_that_is_not_utf8_is_told_in_one_line(tree, tmp_path, name):
    for call in (
        lambda **given: pwalk.scan(tree, **given),
        lambda **given: pwalk.report(tree, tmp_path / "x.parquet", **given),
    ):
        with pytest.raises(ValueError, match=f"^{name}: must be valid UTF-8, not 'a") as raised:
            call(**{name: ["b", "a\udcff"]})
        assert type(raised.value) is ValueError


def test_a_column_that_is_none_is_told_with_the_nearest(tree):
    for names in ("size", ["inode", "size"], "inode, size", "+size"):
        with pytest.raises(ValueError, match="no such column; did you mean 'st_size'"):
            pwalk.scan(tree, columns=names)
    with pytest.raises(ValueError, match="^columns: 'xyzzy': no such column$"):
        pwalk.scan(tree, columns="inode,xyzzy")


def test_t4_the_name_in_an_error_is_exact(tmp_path):
    missing = tmp_path / os.fsdecode(b"missing \xff")
    for call in (
        lambda: pwalk.scan(missing),
        lambda: pwalk.report(missing, tmp_path / "x.csv"),
        lambda: pwalk.Walker().effective_config(missing),
        lambda: pwalk.read_buffer(missing),
    ):
        with pytest.raises(FileNotFoundError) as raised:
            call()
        assert os.fsencode(raised.value.filename) == os.fsencode(missing)
    with pytest.raises(FileNotFoundError) as raised:
        pwalk.report(tmp_path, missing / "x.csv")
    assert os.fsencode(missing) in os.fsencode(raised.value.filename)


def test_snapshots_of_the_command_have_one_name(command, tree):
    """`--no-snapshots` of python-pwalk enters them: who means what it says would be surprised."""
    done = subprocess.run([command, "walk", "--no-snapshots", tree], capture_output=True, text=True)
    assert done.returncode == 2 and "--no-snapshots" in done.stderr
    subprocess.run([command, "walk", "--snapshots", tree], check=True, stdout=subprocess.DEVNULL)


def test_a_table_without_columns_is_refused(tree, tmp_path):
    nothing = ",".join(f"-{name}" for name in pwalk.COLUMNS)
    with pytest.raises(ValueError, match=r"^columns: .*leaves no column"):
        pwalk.scan(tree, columns=nothing)
    with pytest.raises(ValueError, match=r"^columns: .*leaves no column"):
        pwalk.report(tree, tmp_path / "x.parquet", columns=nothing)


def test_a_walker_takes_the_arguments_of_the_functions_and_names_others(tree, tmp_path):
    walker = pwalk.Walker()
    for function, kind, own in (
        (pwalk.scan, _arguments.ScanArguments, {"top"}),
        (pwalk.report, _arguments.ReportArguments, {"top", "output"}),
    ):
        assert {*function.__annotations__} - own - {"return"} == kind.__optional_keys__
    with pytest.raises(TypeError, match=r"^Walker.scan\(\) got .* argument 'nope'$"):
        walker.scan(tree, nope=1)
    with pytest.raises(TypeError, match=r"^Walker.report\(\) got .* 'column'; .* 'columns'\?$"):
        walker.report(tree, tmp_path / "x.csv", column="inode")
    assert len(walker.scan(tree, exclude="*.txt", columns="inode", max_threads=1)) == 16


def test_a_scan_is_made_by_the_function(tree):
    with pytest.raises(TypeError, match=r"pwalk\.scan\('/tmp'\)"):
        pwalk.Scan("/tmp")
    assert isinstance(pwalk.scan(tree), pwalk.Scan)


# Looks


def test_every_object_says_what_it_is(complete, tree):
    (batch,) = complete
    assert repr(complete) == f"Scan({str(tree)!r}, 18 rows, complete, 19 columns)"
    assert repr(batch).startswith("Batch(18 rows: inode, parent-inode, ")
    assert repr(batch.column("pw_fcount")) == "Column('pw_fcount', int64, 18 rows, 11 null)"
    assert repr(pwalk.Walker()) == "Walker(Config())"
    assert repr(pwalk.Walker(pwalk.Config(max_threads=3))) == "Walker(Config(max_threads=3))"
    assert repr(pwalk.AsyncWalker(4)) == "AsyncWalker(max_workers=4)"
    monitor = pwalk.Monitor()
    assert repr(monitor) == "Monitor(not started)"
    with monitor:
        assert repr(monitor) == "Monitor(running)"
    assert "files_per_second=" in repr(monitor)


def test_a_scan_that_runs_says_so_and_does_not_wait(large):
    go_on = threading.Event()

    def hold(progress):
        assert go_on.wait(60)

    scan = pwalk.scan(large, progress_callback=hold, progress_interval=1e-9)
    try:
        assert "running" in repr(scan) and "running" in scan._repr_html_()
    finally:
        go_on.set()
    assert len(scan) == 20_201 and "20201 rows, complete" in repr(scan)
    scan.close()
    assert "20201 rows, complete" in repr(scan)


def test_a_scan_that_was_closed_or_has_failed_says_so(large, with_errors):
    def fail(progress):
        raise KeyboardInterrupt

    scan = pwalk.scan(large, progress_callback=fail, progress_interval=1e-9)
    with pytest.raises(KeyboardInterrupt):
        len(scan)
    assert "incomplete" in repr(scan) and "incomplete" in scan._repr_html_()
    go_on = threading.Event()
    scan = pwalk.scan(large, progress_callback=lambda _: go_on.wait(60), progress_interval=1e-9)
    threading.Timer(0.1, go_on.set).start()
    scan.close()
    assert "rows, closed, " in repr(scan) and ">closed<" in scan._repr_html_()
    with ordinary_user():
        scan = pwalk.scan(os.path.dirname(with_errors.errors[0].filename))
        assert len(scan) == 2 and "2 rows, incomplete" in repr(scan)
    assert "1 EACCES" in with_errors._repr_html_()


def test_a_scan_of_a_parent_process_says_so(complete):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, repr(complete).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        assert "of another process" in pipe.read()


class Cells(html.parser.HTMLParser):
    """The texts of a page, and its tags."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = collections.Counter(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_data(self, data):
        self.texts.append(data)


def test_t1_notebooks_show_hostile_names_as_text(tmp_path):
    top = tmp_path / os.fsdecode(b"<script>alert(1)</script>".replace(b"/", b"") + b"&\xff\n\"'")
    top.mkdir()
    scan = pwalk.scan(top)
    assert len(scan) == 1
    report = pwalk.Report(os.path.join(top, "x" * 5000), [OSError(5, "<b>", str(top))] * 9, {})
    for page in (scan._repr_html_(), report._repr_html_()):
        page.encode()
        cells = Cells(page)
        assert {*cells.tags} == {"table", "caption", "b", "tr", "th", "td", "bdi"}
        assert cells.tags["b"] == 1
        assert any("<script>alert(1)<script>&\\udcff" in text for text in cells.texts)
        assert len(page) < 4000


# Progress


BAR = """
import sys
if sys.argv[2] == "without":
    sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
import pwalk
told = []
for work in (
    lambda **given: pwalk.report(sys.argv[1], "x.csv", **given),
    lambda **given: len(pwalk.scan(sys.argv[1], **given)),
    lambda **given: pwalk.traverse(sys.argv[1], output_dir=".", **given),
):
    print("begin", file=sys.stderr)
    work(progress="bar")
    work(progress="bar", progress_callback=told.append)
assert [one["done"] for one in told] == [True] * 3, told
"""


@pytest.mark.parametrize("what", ["with", "without"])
def test_a_bar_is_drawn_with_tqdm_and_without(tree, tmp_path, what):
    command = [sys.executable, "-c", BAR, tree, what]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=True)
    _, *drawn = done.stderr.split("begin\n")
    assert len(drawn) == 3
    for text in drawn:
        if what == "with":
            assert text.count("pwalk: 18.0 entries") >= 2 and "MB" in text
        else:
            assert re.fullmatch(r"(18 entries, [\d,]+ a second, 0 MB, 0 s\n){2}", text)


def test_a_bar_counts_one_entry(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    (tmp_path / "alone").mkdir()
    assert len(pwalk.scan(tmp_path / "alone", progress="bar")) == 1
    assert capfd.readouterr().err.startswith("1 entry, ")


def test_a_bar_that_is_none_is_refused_before_anything_is_drawn(tree, tmp_path, capfd):
    for call in (pwalk.scan, pwalk.report, pwalk.Walker().scan):
        with pytest.raises(ValueError, match="progress: must be one of bar, not 'line'"):
            call(tree, progress="line")
    with pytest.raises(FileNotFoundError):
        pwalk.scan(tree / "missing", progress="bar")
    assert capfd.readouterr().err == ""


def test_a_scan_that_is_closed_draws_no_more(large, capfd):
    from pwalk import _bar

    with pwalk.scan(large, progress="bar", progress_interval=0.01) as scan:
        assert isinstance(scan._bar, _bar.Bar)
    drawn = capfd.readouterr().err
    assert drawn.endswith("\n")
    scan._bar({"files": 1, "dirs": 1, "bytes": 1, "elapsed": 1.0, "errors": 0, "done": False})
    assert capfd.readouterr().err == ""


def test_a_terminal_gets_one_line_that_changes(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from pwalk import _bar

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    bar = _bar.Bar(None)
    progress = {"files": 1, "dirs": 1, "bytes": 10**9, "elapsed": 2.0, "errors": 1, "done": False}
    bar(progress)
    bar(progress | {"files": 2, "errors": 2, "done": True})
    bar.close()
    assert sys.stderr.getvalue() == (
        "\r2 entries, 1 a second, 1,000 MB, 1 error, 2 s\x1b[K"
        "\r3 entries, 2 a second, 1,000 MB, 2 errors, 2 s\x1b[K\n"
    )
