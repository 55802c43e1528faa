"""Names that are no clean text find their way back to the file, in each of the ways offered.

Numbers in the names of tests are those of the list of hazards.
"""

import csv
import json
import os

import duckdb
import expected
import pytest


def _raw_rows(path):
    """The rows of a report whose names may be any bytes, as os.fsdecode would have them."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.trees("names", "not_utf8", "long_path")
def test_t1_t4_t5_raw_names_lead_back_to_their_files(scan):
    rows = _raw_rows(scan.report("raw.csv", "--names", "raw"))
    assert len(rows) == len(scan.rows)
    for row in rows:
        path = os.fsencode(row["filename"])
        if len(path) < 4_000:
            assert os.lstat(path).st_ino == int(row["inode"])


# A CSV, and what has no column of exact bytes because it was not asked for.
@pytest.mark.trees("not_utf8")
@pytest.mark.parametrize(
    ("suffix", "columns"),
    [("csv", None), ("parquet", "-filename_bytes"), ("arrow", "filename"), ("ndjson", "filename")],
)
def test_t2_t4_the_list_of_errors_has_the_bytes_of_every_changed_name(scan, suffix, columns):
    errors = scan.reports["csv"].with_name(f"errors.{suffix}.ndjson")
    asked = ["--columns", columns] if columns else []
    scan.report(f"again.{suffix}", "--errors", errors, *asked)
    changed = [json.loads(line) for line in errors.read_bytes().splitlines()]
    names = [entry.path for entry in expected.entries(os.fsencode(scan.root))]
    damaged = {name for name in names if not expected.is_utf8(name)}
    assert len(damaged) == len(changed) > 500
    assert {bytes.fromhex(error["path_hex"]) for error in changed} == damaged
    for error in changed:
        path = bytes.fromhex(error["path_hex"])
        assert path.decode("utf-8", "replace") == error["path"]


@pytest.mark.trees("not_utf8")
def test_the_list_of_errors_is_a_table_to_duckdb(scan):
    errors = scan.reports["csv"].with_name("errors_too.ndjson")
    scan.report("once_more.csv", "--errors", errors)
    question = f"SELECT operation, error, count(DISTINCT path_hex) FROM '{errors}' GROUP BY ALL"
    n_changed = len(errors.read_bytes().splitlines())
    assert n_changed > 500
    assert duckdb.connect().sql(question).fetchall() == [("name", "EILSEQ", n_changed)]


@pytest.mark.trees("names")
def test_t1_the_policy_of_the_c_pwalk_drops_control_characters(scan):
    rows = _raw_rows(scan.report("pwalk.csv", "--names", "pwalk"))
    names = [row[expected.COLUMNS.index("filename")] for row in scan.rows]
    dropped = ["".join(c for c in name if ord(c) >= 32) for name in names]
    assert sorted(row["filename"] for row in rows) == sorted(dropped)
