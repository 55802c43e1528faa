"""Every reader gets every row of every format, with every name and number as the system has it.

Hostile names are among the trees (`names`, `not_utf8`), and so are numbers at their limits
(`times`, `owners`, `sparse`). Numbers in the names of tests are those of the list of hazards.
"""

import json
import os
import subprocess
from pathlib import Path

import duckdb
import expected
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from readers import CASES, COLUMNAR_CASES, FORMATS, evened, mapped, parse_csv, read

GOLDEN = Path(__file__).parent.parent / "golden"
# The largest inode that was seen, beyond a signed number of 64 bits; it stands in `rules.csv`.
BEEGFS = 11054398539339071178


def check_rows(got, want):
    """Compares row by row, or a difference would be printed as two tables."""
    assert len(got) == len(want)
    for got_row, expected_row in zip(got, want, strict=True):
        assert got_row == expected_row


@pytest.mark.parametrize(("suffix", "reader"), CASES)
def test_t2_t5_t9_every_reader_gets_every_row(scan, suffix, reader):
    columns, rows = scan.rows_in(suffix)
    got_columns, got_rows = read(suffix, reader, scan.reports[suffix])
    assert got_columns == columns
    check_rows(got_rows, rows)


@pytest.mark.trees("basic", "wide", "names", "not_utf8", "links")
def test_the_third_opinion_sees_what_os_walk_sees(scan):
    root = os.fsencode(scan.root)
    paths = [root]
    for folder, dirs, files in os.walk(root):
        paths += [folder + b"/" + name for name in dirs + files]
    seen = sorted(path.decode("utf-8", "replace") for path in paths)
    assert seen == sorted(row[expected.COLUMNS.index("filename")] for row in scan.rows)


@pytest.mark.trees("not_utf8")
def test_t4_the_exact_bytes_of_a_name_lead_back_to_its_file(scan):
    table = pyarrow.parquet.read_table(scan.reports["parquet"]).to_pylist()
    changed = [row for row in table if row["filename_bytes"] is not None]
    assert len(changed) > 500
    for row in changed:
        assert os.lstat(row["filename_bytes"]).st_ino == row["inode"]
        assert row["filename_bytes"].decode("utf-8", "replace") == row["filename"]


@pytest.mark.trees("long_path")
def test_t17_paths_beyond_path_max_are_read_back(scan):
    names = [row[expected.COLUMNS.index("filename")] for row in scan.rows]
    assert max(map(len, names)) > 6_000
    assert sum(name.endswith("/file.txt") for name in names) == 60


@pytest.mark.trees("times")
def test_t12_the_trees_have_times_before_1970_and_beyond_32_bits(scan):
    times = [row[expected.COLUMNS.index("st_mtime")] for row in scan.rows]
    assert min(times) == -(2**31) and max(times) > 2**33


def _inodes_by_reader(path):
    """The inodes of a CSV, read as unsigned numbers of 64 bits."""
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


@pytest.fixture
def convert(pwalk, tmp_path):
    """Makes a report of another format from one, and returns its path."""

    def convert(path, suffix):
        # Joined as text: a slash at the end asks for a folder.
        made = os.path.join(tmp_path, f"{path.stem}.{suffix}")
        subprocess.run([pwalk, "convert", *FORMATS[suffix][1], path, made], check=True)
        return Path(made)

    return convert


def _as_in_columns(row):
    """A row of a CSV with nulls, a number for the mode, the kind, and no bytes of the name."""
    *others, mode, atime, mtime, ctime, n_entries, size_sum = row
    is_dir = n_entries >= 0
    sums = (n_entries, size_sum) if is_dir else (None, None)
    kind = expected.kind(int(mode, 8))
    assert is_dir == (kind == "dir")
    return (*others, int(mode, 8), atime, mtime, ctime, *sums, kind, None)


@pytest.mark.parametrize(("suffix", "reader"), COLUMNAR_CASES)
def test_t11_t12_t14_numbers_at_their_limits_are_exact_for_every_reader(convert, suffix, reader):
    _, rows = evened("csv", parse_csv((GOLDEN / "rules.csv").read_bytes()))
    columns, got = read(suffix, reader, convert(GOLDEN / "rules.csv", suffix))
    assert columns == expected.COLUMNS
    rows = sorted(map(_as_in_columns, rows))
    if reader == "pandas" and "ndjson" in suffix:
        rows = [_with_float_sum(row) for row in rows]
    check_rows(got, rows)
    inodes = [row[0] for row in got]
    assert inodes.count(BEEGFS) == 2 and max(inodes) == 2**64 - 1


def _with_float_sum(row):
    """A row as Pandas has it, which reads the numbers of a JSON as floats if one is null."""
    values = dict(zip(expected.COLUMNS, row, strict=True))
    if values["pw_dirsum"] is not None:
        values["pw_dirsum"] = int(float(values["pw_dirsum"]))
    return tuple(values.values())


@pytest.mark.trees("basic", "names", "not_utf8", "special", "times")
def test_a_chain_of_conversions_ends_with_the_rows_that_it_began_with(scan, convert):
    path = scan.report("raw.csv", "--names", "raw")
    rows = expected.rows(os.fsencode(scan.root))
    for suffix in ["parquet", "ndjson.zst", "lz4.arrow", "parts/", "ndjson", "arrow", "csv.zst"]:
        path = convert(path, suffix)
        check_rows(read(suffix, "duckdb", path)[1], expected.rows_in(FORMATS[suffix][0], rows))


@pytest.mark.trees("wide")
def test_tables_of_many_batches_and_row_groups_are_the_same_table(scan, convert):
    header, *lines = scan.reports["csv"].read_bytes().splitlines(keepends=True)
    many = scan.reports["csv"].with_name("many.csv")
    many.write_bytes(header + b"".join(lines) * 13)
    parquet, arrow = (convert(many, suffix) for suffix in ["parquet", "arrow"])
    assert pyarrow.parquet.read_metadata(parquet).num_row_groups > 1
    database = duckdb.connect()
    database.register("mapped", mapped(arrow))
    difference = database.sql(f"FROM '{parquet}' EXCEPT ALL FROM mapped").fetchall()
    counts = database.sql(f"SELECT (SELECT count(*) FROM '{parquet}'), count(*) FROM mapped")
    assert counts.fetchall() == [(13 * len(lines), 13 * len(lines))]
    assert difference == []
    once = database.sql(f"SELECT DISTINCT * FROM '{parquet}'").fetchall()
    check_rows(sorted(once), scan.rows)


@pytest.mark.trees("wide")
def test_a_folder_of_parts_holds_small_parts_and_its_summary(scan):
    folder = scan.reports["parts/"]
    parts = sorted(folder.glob("*.parquet"))
    assert sorted(folder.iterdir()) == sorted([folder / "_summary.json", *parts])
    sizes = [pyarrow.parquet.read_metadata(part).num_rows for part in parts]
    assert sum(sizes) == len(scan.rows)
    assert max(sizes) <= 100
    summary = json.loads((folder / "_summary.json").read_text(encoding="utf-8"))
    assert summary["complete"] is True
    assert sum(summary["entries"].values()) == len(scan.rows)


@pytest.mark.trees("wide")
def test_an_arrow_file_is_mapped_and_not_copied(scan):
    before = pyarrow.total_allocated_bytes()
    table = mapped(scan.reports["arrow"])
    assert table.num_rows == len(scan.rows)
    assert pyarrow.total_allocated_bytes() - before < table.nbytes / 100


@pytest.mark.trees("names")
def test_a_report_on_standard_output_can_be_piped_into_zstd(scan, pwalk):
    command = [pwalk, "report", "-q", "-o", "-", "--format", "csv.zst", scan.root]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    plain = subprocess.run(["zstd", "-dc"], input=packed, check=True, capture_output=True).stdout
    _, rows = evened("csv", parse_csv(plain))
    # Not all of a row: another test may have changed access times since.
    assert [row[:4] for row in rows] == [row[:4] for row in scan.rows]


@pytest.mark.trees("names")
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "ndjson.zst"])
def test_every_format_can_be_written_to_standard_output(scan, pwalk, tmp_path, suffix):
    path = tmp_path / f"piped.{suffix}"
    command = [pwalk, "report", "-q", "-o", "-", "--format", suffix, scan.root]
    with open(path, "wb") as file:
        subprocess.run(command, check=True, stdout=file)
    _, rows = read(suffix, "polars", path)
    assert [row[:4] for row in rows] == [row[:4] for row in scan.rows]
