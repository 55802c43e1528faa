"""`profile`: statistics of a tree or of a saved scan, as attributes, tables, JSON and a page."""

import copy
import json
import os
import pickle
from pathlib import Path

import duckdb
import pandas
import polars
import pwalk
import pyarrow
import pytest

EXAMPLE = Path(__file__).parents[3] / "docs" / "formats" / "profile-example.json"


@pytest.fixture(scope="module")
def example():
    """The profile that the documents show."""
    return pwalk.Profile(EXAMPLE.read_text())


def _tables(values):
    """The lists of a profile that are tables: those of objects."""
    return {
        key: rows
        for key, rows in values.items()
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    }


def test_a_tree_is_profiled(tree):
    profile = pwalk.profile(tree)
    assert profile.complete is True and profile.errors["count"] == 0
    assert profile.source["roots"] == [str(tree)] and profile.source["kind"] == "tree"
    assert profile.totals["entries"] == 18 and profile.seconds >= 0
    rows = pyarrow.table(profile.extensions).to_pylist()
    extensions = {row["extension"]: row["entries"] for row in rows}
    assert extensions == {"": 6, "txt": 2, "csv": 1}
    assert profile.largest_files.column("path").to_list()[0] == f"{tree}/c/7"
    assert profile.largest_trees.column("path").to_list()[0] == str(tree)


def test_a_saved_scan_is_profiled_as_its_tree_is(tree, tmp_path):
    of_tree = pwalk.profile(tree).to_dict()
    for name in ("scan.parquet", "scan.csv.zst", "scan.ndjson"):
        pwalk.report(tree, tmp_path / name)
        profile = pwalk.profile(tmp_path / name)
        assert profile.source["kind"] == "scan"
        assert profile.source["scan"] == str(tmp_path / name)
        found = profile.to_dict()
        for key in ("extensions", "depths", "sizes", "largest_files", "dir_entries", "empty"):
            assert found[key] == of_tree[key], (name, key)


def test_tables_have_the_columns_and_rows_of_the_json(example):
    values = example.to_dict()
    tables = _tables(values)
    assert len(tables) >= 15
    for key, rows in tables.items():
        table = getattr(example, key)
        assert isinstance(table, pwalk.Batch) and len(table) == len(rows), key
        assert table.column_names == list(rows[0]), key
        assert pyarrow.table(table).to_pylist() == rows, key


def test_t55_what_a_scan_does_not_tell_is_null(tree, tmp_path):
    scan = tmp_path / "scan.parquet"
    pwalk.report(tree, scan, columns="filename,kind,st_size,directory-depth")
    profile = pwalk.profile(scan)
    files = profile.largest_files
    assert len(files.column("path")) == 6
    for key in ("allocated_bytes", "mtime", "uid"):
        assert files.column(key).to_list() == [None] * 6, key
    assert None not in files.column("bytes").to_list()
    assert set(profile.extensions.column("allocated_bytes").to_list()) == {None}
    assert profile.waste["allocated_bytes"] is None and profile.empty["dirs"] is None
    assert pwalk.Profile(profile.to_json()) == profile


def test_tables_without_rows_keep_their_columns(tmp_path):
    profile = pwalk.profile(tmp_path)
    assert len(profile.largest_files) == 0
    assert profile.largest_files.schema == {
        "path": "string", "bytes": "uint64", "allocated_bytes": "uint64", "mtime": "int64",
        "uid": "uint64",
    }  # fmt: skip


def test_every_reader_of_arrow_reads_the_tables(example):
    rows = example.extensions
    sums = {
        "pyarrow": sum(pyarrow.table(rows)["bytes"].to_pylist()),
        "polars": polars.DataFrame(rows)["bytes"].sum(),
        "pandas": pyarrow.table(rows).to_pandas()["bytes"].sum(),
        "pandas by itself": pandas.DataFrame.from_arrow(rows)["bytes"].sum(),
        "duckdb": duckdb.sql("SELECT sum(bytes) FROM rows").fetchall()[0][0],
        "numpy": rows["bytes"].sum(),
    }
    assert set(map(int, sums.values())) == {3000009216}, sums


def test_it_can_be_pickled_copied_and_compared(example):
    for other in (pickle.loads(pickle.dumps(example)), copy.copy(example), copy.deepcopy(example)):
        assert other == example and hash(other) == hash(example)
        assert other.to_dict() == example.to_dict()
    assert example != pwalk.Profile(EXAMPLE.read_text().replace("991", "992"))
    assert example != "text" and json.loads(example.to_json()) == example.to_dict()
    example.to_dict()["totals"].clear()
    example.totals.clear()
    assert example.totals["entries"] == 14


def test_it_says_in_short_what_it_is(example, tree):
    assert repr(example) == "Profile('/data', 14 entries, complete=False)"
    assert repr(pwalk.profile(tree)) == f"Profile({str(tree)!r}, 18 entries, complete=True)"


def test_the_page_appears_only_when_it_is_complete(example, tmp_path):
    page = tmp_path / "page.html"
    example.to_html(page)
    text = page.read_text()
    assert text.startswith("<!") and "genomics" not in os.listdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        example.to_html(tmp_path / "missing" / "page.html")
    with pytest.raises(IsADirectoryError):
        example.to_html(tmp_path)
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_notebook_shows_its_main_parts(tmp_path):
    (tmp_path / "<script>alert(1)<").mkdir()
    (tmp_path / "<script>alert(1)<" / "x.<b>").write_text("x" * 5000)
    shown = pwalk.profile(tmp_path)._repr_html_()
    assert "<script" not in shown and "&lt;script" in shown
    shown.encode()


def test_bad_arguments_are_refused_by_name(tmp_path):
    cases = [
        (TypeError, "top_or_scan", (5,), {}),
        (ValueError, "top_n", (tmp_path,), {"top_n": 0}),
        (TypeError, "top_n", (tmp_path,), {"top_n": "5"}),
        (TypeError, "exclude", (tmp_path,), {"exclude": 5}),
        (TypeError, "progress_callback", (tmp_path,), {"progress_callback": 5}),
    ]
    for kind, name, positional, arguments in cases:
        with pytest.raises(kind, match=f"^{name}: "):
            pwalk.profile(*positional, **arguments)
    with pytest.raises(FileNotFoundError):
        pwalk.profile(tmp_path / "missing")
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(OSError, match="broken"):
        pwalk.profile(tmp_path / "broken.parquet")
    with pytest.raises(ValueError, match="^text: is not the JSON of a profile"):
        pwalk.Profile("{}")
    with pytest.raises(TypeError, match="^text: "):
        pwalk.Profile(5)


def test_what_says_how_to_walk_is_refused_for_a_saved_scan(tree, tmp_path):
    scan = tmp_path / "scan.parquet"
    pwalk.report(tree, scan)
    rules = {
        "ignore_snapshots": False,
        "exclude": "x",
        "one_file_system": True,
        "max_depth": 1,
        "max_ops": 100,
        "timeout": 60,
        "nice": True,
    }
    for name, value in rules.items():
        with pytest.raises(ValueError, match=f"^{name}: is for trees, and .*scan.parquet' is a saved"):
            pwalk.profile(scan, **{name: value})
        assert pwalk.profile(tree, **{name: value}).source["kind"] == "tree"
    pwalk.profile(scan, 2, exclude=[], where="size > 0")
    with pytest.raises(TypeError, match="^top_or_scan: must be a path, not Scan$"):
        pwalk.profile(pwalk.scan(tree))


def test_lists_have_no_more_rows_than_asked_for(tree):
    profile = pwalk.profile(tree, top_n=2)
    assert len(profile.largest_files) == 2 and len(profile.extensions) == 2


def test_a_condition_says_what_counts(tree):
    profile = pwalk.profile(tree, where="size >= 5000 and kind = file")
    assert profile.totals["entries"] == 2
    assert profile.source["condition"] == "size >= 5000 and kind = file"


def test_the_progress_is_told_and_an_exception_ends_it(tree, tmp_path):
    pwalk.report(tree, tmp_path / "scan.parquet")
    for source in (tree, tmp_path / "scan.parquet"):
        told = []
        pwalk.profile(source, progress_callback=told.append)
        assert told[-1]["done"] and told[-1]["dirs"] == 7 and told[-1]["files"] == 11

        def fail(progress):
            raise LookupError("enough")

        with pytest.raises(LookupError, match="enough"):
            pwalk.profile(source, progress_callback=fail)
