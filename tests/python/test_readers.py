"""Every reader gets every row of every format, with every name and number as the system has it.

Hostile names are among the trees (`names`, `not_utf8`), and so are numbers at their limits
(`times`, `owners`, `sparse`). Numbers in the names of tests are those of the list of hazards.
"""

import os
import subprocess
from pathlib import Path

import duckdb
import expected
import pandas
import polars
import pyarrow
import pyarrow.csv
import pytest
from conftest import FORMATS
from readers import READERS, parse

GOLDEN = Path(__file__).parent.parent / "golden"
# The largest inode that was seen, beyond a signed number of 64 bits; it stands in `rules.csv`.
BEEGFS = 11054398539339071178


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("reader", READERS)
def test_t2_t5_t9_every_reader_gets_every_row(scan, reader, suffix):
    got = sorted(READERS[reader](scan.reports[suffix]))
    assert len(got) == len(scan.rows)
    # Row by row, or a difference would be printed as two tables.
    for got_row, expected_row in zip(got, scan.rows, strict=True):
        assert got_row == expected_row


@pytest.mark.trees("basic", "wide", "names", "not_utf8", "links")
def test_the_third_opinion_sees_what_os_walk_sees(scan):
    root = os.fsencode(scan.root)
    paths = [root]
    for folder, dirs, files in os.walk(root):
        paths += [folder + b"/" + name for name in dirs + files]
    seen = sorted(path.decode("utf-8", "replace") for path in paths)
    assert seen == sorted(row[expected.COLUMNS.index("filename")] for row in scan.rows)


@pytest.mark.trees("long_path")
def test_t17_paths_beyond_path_max_are_read_back(scan):
    names = [row[expected.COLUMNS.index("filename")] for row in scan.rows]
    assert max(map(len, names)) > 6_000
    assert sum(name.endswith("/file.txt") for name in names) == 60


def _inodes_by_reader(path):
    """The inodes of a table, read as unsigned numbers of 64 bits."""
    unsigned = {"inode": "UBIGINT", "parent-inode": "UBIGINT", "st_dev": "UBIGINT"}
    table = duckdb.connect().read_csv(str(path), dtype=unsigned)
    yield [row[0] for row in table.fetchall()]
    schema = dict.fromkeys(unsigned, polars.UInt64)
    yield polars.read_csv(path, schema_overrides=schema)["inode"].to_list()
    yield pandas.read_csv(path, dtype=dict.fromkeys(unsigned, "uint64"))["inode"].tolist()
    types = dict.fromkeys(unsigned, pyarrow.uint64())
    options = pyarrow.csv.ConvertOptions(column_types=types)
    yield pyarrow.csv.read_csv(path, convert_options=options)["inode"].to_pylist()


def test_t11_inodes_beyond_int64_are_read_without_a_float():
    tables = list(_inodes_by_reader(GOLDEN / "rules.csv"))
    assert len(tables) == 4
    for inodes in tables:
        assert inodes == tables[0]
        assert inodes.count(BEEGFS) == 2 and max(inodes) == 2**64 - 1


@pytest.mark.trees("wide", "deep", "names")
def test_a_question_in_sql_gets_the_answer_of_the_system(scan):
    question = "SELECT count(*), sum(st_size), sum(st_blocks) * 512 FROM '{}' WHERE pw_fcount < 0"
    files = [row for row in scan.rows if row[expected.COLUMNS.index("pw_fcount")] < 0]
    sizes = sum(row[expected.COLUMNS.index("st_size")] for row in files)
    blocks = sum(row[expected.COLUMNS.index("st_blocks")] for row in files)
    for path in scan.reports.values():
        answer = duckdb.connect().sql(question.format(path)).fetchall()
        assert answer == [(len(files), sizes, blocks * 512)]


@pytest.mark.trees("names")
def test_a_report_on_standard_output_can_be_piped_into_zstd(scan, pwalk):
    command = [pwalk, "report", "-q", "-o", "-", "--format", "csv.zst", scan.root]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    unpacked = subprocess.run(["zstd", "-dc"], input=packed, check=True, capture_output=True).stdout
    # Not all of a row: another test may have changed access times since.
    assert sorted(row[:4] for row in parse(unpacked)) == [row[:4] for row in scan.rows]
