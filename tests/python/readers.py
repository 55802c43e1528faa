"""How people read a report back: each reader as they would call it.

No options but those that a hostile name or an extension called `NA` makes necessary. A reader
returns the rows as tuples. What it makes of the octal mode (a number or a text) and of an empty
extension (an empty text or none) is its own affair, and evened out here.
"""

import csv
import gzip
import io
import shutil
import subprocess

import duckdb
import pandas
import polars
import pyarrow.csv
import pytest
import zstandard
from expected import COLUMNS

MODE = COLUMNS.index("st_mode")
EXTENSION = COLUMNS.index("fileExtension")
TEXTS = ("filename", "fileExtension")


def with_duckdb(path):
    table = duckdb.connect().sql(f"SELECT * FROM '{path}'")
    assert table.columns == COLUMNS
    return _even(table.fetchall())


def with_polars(path):
    table = polars.read_csv(path, schema_overrides={"fileExtension": polars.String})
    assert table.columns == COLUMNS
    return _even(table.rows())


def with_polars_lazily(path):
    table = polars.scan_csv(path, schema_overrides={"fileExtension": polars.String}).collect()
    return _even(table.rows())


def with_pandas(path):
    table = pandas.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False)
    assert list(table.columns) == COLUMNS
    return _even(table.itertuples(index=False, name=None))


def with_pyarrow(path):
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(TEXTS, pyarrow.string()))
    table = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    assert table.column_names == COLUMNS
    return _even(zip(*(column.to_pylist() for column in table.columns), strict=True))


def with_the_standard_library(path):
    """The module csv over what gzip or zstandard unpack."""
    with open(path, "rb") as file:
        if path.suffix == ".zst":
            unpacked = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            return parse(unpacked.read())
        if path.suffix == ".gz":
            return parse(gzip.decompress(file.read()))
        return parse(file.read())


def with_the_commands(path):
    """The module csv over what the commands `zstd` and `gzip` unpack."""
    tool = {".zst": "zstd", ".gz": "gzip"}.get(path.suffix, "cat")
    if not shutil.which(tool):
        pytest.skip(f"the command {tool} is not installed")
    arguments = [tool] if tool == "cat" else [tool, "-dc"]
    return parse(subprocess.run([*arguments, path], check=True, capture_output=True).stdout)


def parse(data):
    """The rows of a CSV text, by the module csv at its strictest."""
    table = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
    assert next(table) == COLUMNS
    numbers = [name not in (*TEXTS, "st_mode") for name in COLUMNS]
    convert = [int if is_number else str for is_number in numbers]
    return _even([of(field) for of, field in zip(convert, row, strict=True)] for row in table)


def _even(rows):
    return [
        tuple(
            (field or "") if place == EXTENSION else f"{int(field):07}" if place == MODE else field
            for place, field in enumerate(row)
        )
        for row in rows
    ]


READERS = {
    "duckdb": with_duckdb,
    "polars": with_polars,
    "polars_lazily": with_polars_lazily,
    "pandas": with_pandas,
    "pyarrow": with_pyarrow,
    "standard_library": with_the_standard_library,
    "commands": with_the_commands,
}
