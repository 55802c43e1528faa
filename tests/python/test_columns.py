"""The columns of a report: types, nulls, those on request, and what the file says of itself."""

import json
import os
import subprocess
import time

import duckdb
import expected
import polars
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from readers import COLUMNAR, COLUMNAR_CASES, FORMATS, mapped, read

TYPES = {
    "inode": pyarrow.uint64(),
    "parent-inode": pyarrow.uint64(),
    "directory-depth": pyarrow.int32(),
    "filename": pyarrow.string(),
    "fileExtension": pyarrow.string(),
    "UID": pyarrow.uint32(),
    "GID": pyarrow.uint32(),
    "st_size": pyarrow.int64(),
    "st_dev": pyarrow.uint64(),
    "st_blocks": pyarrow.int64(),
    "st_nlink": pyarrow.uint32(),
    "st_mode": pyarrow.uint32(),
    "st_atime": pyarrow.int64(),
    "st_mtime": pyarrow.int64(),
    "st_ctime": pyarrow.int64(),
    "pw_fcount": pyarrow.int64(),
    "pw_dirsum": pyarrow.int64(),
    "kind": pyarrow.string(),
    "filename_bytes": pyarrow.binary(),
}
NULLABLE = {"pw_fcount", "pw_dirsum", "filename_bytes"}
TOTALS = ["tree_count", "tree_files", "tree_dirs", "tree_size", "tree_blocks"]
TOTALS += ["tree_mtime", "tree_atime", "tree_errors"]
EXTRAS = "+" + ",+".join(expected.EXTRA_COLUMNS)


@pytest.mark.trees("basic", "empty")
def test_columns_have_the_types_of_the_format_and_say_which_may_be_null(scan):
    tables = [pyarrow.parquet.read_table(scan.reports["parquet"]), mapped(scan.reports["arrow"])]
    for table in tables:
        found = {field.name: field for field in table.schema}
        assert {name: _plain(field.type) for name, field in found.items()} == TYPES
        assert {name for name, field in found.items() if field.nullable} == NULLABLE


def _plain(kind):
    return kind.value_type if pyarrow.types.is_dictionary(kind) else kind


@pytest.mark.trees("basic", "links", "empty")
@pytest.mark.parametrize("max_depth", [0, 1, 2])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_directory_that_was_not_read_has_no_counts(scan, suffix, max_depth):
    arguments = [*FORMATS[suffix][1], "--max-depth", str(max_depth)]
    path = scan.report(f"cut.{suffix}", *arguments)
    rows = expected.rows(os.fsencode(scan.root), max_depth)
    assert read(suffix, "duckdb", path)[1] == expected.rows_in(FORMATS[suffix][0], rows)


@pytest.mark.trees("links", "special", "owners", "times", "not_utf8")
@pytest.mark.parametrize(("suffix", "reader"), COLUMNAR_CASES)
def test_columns_on_request_say_what_the_system_says(scan, suffix, reader):
    # Inodes before the report, links after it: to read a link changes its access time.
    entries = list(expected.entries(os.fsencode(scan.root)))
    path = scan.report(f"extra.{suffix}", *FORMATS[suffix][1], "--columns", EXTRAS)
    columns, rows = read(suffix, reader, path)
    assert columns == expected.COLUMNS + expected.EXTRA_COLUMNS
    assert rows == expected.table(entries, columns)


TOTALS_BY_SQL = """
    SELECT dir.filename, count(entry.filename), count(entry.filename) FILTER (entry.kind <> 'dir'),
        count(entry.filename) FILTER (entry.kind = 'dir'), coalesce(sum(entry.st_size), 0)::BIGINT,
        coalesce(sum(entry.st_blocks), 0)::BIGINT,
        max(entry.st_mtime) FILTER (entry.kind <> 'dir'),
        max(entry.st_atime) FILTER (entry.kind <> 'dir'), 0
    FROM scan AS dir LEFT JOIN scan AS entry
        ON starts_with(entry.filename, dir.filename || '/')
    WHERE dir.pw_fcount IS NOT NULL GROUP BY dir.filename
    UNION ALL SELECT filename, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM scan WHERE pw_fcount IS NULL ORDER BY filename"""


@pytest.mark.trees("basic", "links", "special", "sparse", "hard_links", "snapshots", "deep", "empty")
@pytest.mark.parametrize("max_depth", [1, 2, 99])
def test_totals_of_subtrees_are_those_that_sql_finds_in_the_rows(scan, max_depth):
    arguments = ["--columns", "+tree", "--max-depth", str(max_depth), "--threads", "2"]
    scan = duckdb.read_parquet(str(scan.report("totals.parquet", *arguments)))
    found = duckdb.sql(f"SELECT filename, {', '.join(TOTALS)} FROM scan ORDER BY filename")
    assert found.fetchall() == duckdb.sql(TOTALS_BY_SQL).fetchall()
    assert {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True)} == {
        "filename": "VARCHAR"
    } | dict.fromkeys(TOTALS, "BIGINT")


@pytest.mark.trees("basic", "hard_links")
def test_totals_of_subtrees_are_what_du_counts(scan):
    path = scan.report("du.parquet", "--columns", "filename,st_blocks,tree_blocks")
    sql = f"SELECT filename, st_blocks + tree_blocks FROM '{path}' WHERE tree_blocks IS NOT NULL"
    command = ["du", "--block-size=512", "--count-links", str(scan.root)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    expected = {name: int(blocks) for blocks, name in (line.split("\t") for line in lines)}
    assert dict(duckdb.sql(sql).fetchall()) == expected


@pytest.mark.trees("basic", "links", "empty")
@pytest.mark.parametrize("suffix", COLUMNAR)
def test_totals_of_subtrees_are_carried_through_a_conversion(scan, suffix):
    path = scan.report("tree.arrow", *FORMATS["arrow"][1], "--columns", "+tree")
    converted = scan.convert(path, f"converted.{suffix}", *FORMATS[suffix][1])
    columns, rows = read(suffix, "polars", converted)
    assert columns == expected.COLUMNS + TOTALS
    assert rows == read("arrow", "polars", path)[1]


@pytest.mark.trees("basic", "links", "special")
@pytest.mark.parametrize("suffix", COLUMNAR)
def test_the_creation_is_what_the_command_stat_says(scan, suffix):
    arguments = [*FORMATS[suffix][1], "--columns", "filename,st_btime,st_btime_ns"]
    path = scan.report(f"born.{suffix}", *arguments)
    columns, rows = read(suffix, "polars", path)
    assert columns == ["filename", "st_btime", "st_btime_ns"]
    names = [name for name, _, _ in rows]
    command = ["stat", "--printf", "%.9W\\n", *names]
    born = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert len(born) == len(rows) > 5
    for said, (name, seconds, nanoseconds) in zip(born, rows, strict=True):
        is_known = float(said) != 0
        assert said == f"{seconds}.{nanoseconds:09}" if is_known else seconds is None, name


@pytest.mark.trees("basic", "names")
@pytest.mark.parametrize("suffix", COLUMNAR)
@pytest.mark.parametrize("asked", ["inode,filename,st_size", "filename", "target,kind,inode"])
def test_a_report_has_the_columns_asked_for_in_their_order(scan, suffix, asked):
    path = scan.report(f"asked.{suffix}", *FORMATS[suffix][1], "--columns", asked)
    columns, rows = read(suffix, "polars", path)
    assert columns == asked.split(",")
    assert rows == expected.table(expected.entries(os.fsencode(scan.root)), columns)


@pytest.fixture
def described(scan, tmp_path):
    """Makes a report, and tells what it says of itself and what its summary says."""

    def describe(suffix):
        summary = tmp_path / "summary.json"
        path = scan.report(f"described.{suffix}", "--summary", summary, "--max-depth", "77")
        return _metadata(path), json.loads(summary.read_text(encoding="utf-8"))

    return describe


def _metadata(path):
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_metadata(path).metadata
    # What is known before the walk is in the schema, the rest in the footer.
    with pyarrow.memory_map(str(path)) as file:
        reader = pyarrow.ipc.open_file(file)
        return reader.schema.metadata | reader.metadata


@pytest.mark.trees("basic", "links", "special", "not_utf8", "empty", "single_file")
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_file_says_where_when_and_how_it_was_made(scan, described, pwalk, suffix):
    start = int(time.time())
    metadata, summary = described(suffix)
    found = {key.decode(): value.decode() for key, value in metadata.items()}
    keys = ["version", "roots", "started", "finished", "options", "complete", "summary"]
    assert {f"pwalk.{key}" for key in keys} <= set(found)
    version = subprocess.run([pwalk, "--version"], check=True, capture_output=True, text=True)
    assert version.stdout.split()[-1] == found["pwalk.version"]
    assert json.loads(found["pwalk.roots"]) == [str(scan.root)]
    assert start <= int(found["pwalk.started"]) <= int(found["pwalk.finished"]) <= time.time()
    assert json.loads(found["pwalk.options"])["max_depth"] == 77
    assert found["pwalk.complete"] == "true"
    assert json.loads(found["pwalk.summary"]) == summary


@pytest.mark.trees("basic", "links", "special", "hard_links", "sparse")
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_the_summary_in_a_file_adds_up_its_rows(scan, described, suffix):
    metadata, _ = described(suffix)
    summary = json.loads(metadata[b"pwalk.summary"])
    rows = [dict(zip(expected.COLUMNS, row, strict=True)) for row in scan.rows]
    kinds = [row["kind"] for row in rows]
    blocks = {(row["st_dev"], row["inode"]): row["st_blocks"] for row in rows}
    assert summary["entries"] == {kind: kinds.count(kind) for kind in set(kinds)}
    assert summary["bytes"]["apparent"] == sum(row["st_size"] for row in rows)
    assert summary["bytes"]["allocated"] == sum(blocks.values()) * 512


@pytest.mark.trees("basic")
def test_duckdb_and_polars_find_the_metadata_of_a_parquet_file(scan):
    path = scan.reports["parquet"]
    question = f"SELECT key, value FROM parquet_kv_metadata('{path}')"
    by_duckdb = dict(duckdb.connect().sql(question).fetchall())
    by_polars = polars.read_parquet_metadata(path)
    assert by_duckdb[b"pwalk.complete"] == b"true"
    assert by_polars["pwalk.complete"] == "true"
