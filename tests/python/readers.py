"""How people read a report back: each reader of each format, as they would call it.

No options but those that the data make necessary: a hostile name, an extension called `NA`, an
inode that is no signed number, or a column whose first values are all null. A reader returns its
columns as lists by name. What it makes of a null, of the octal mode in a CSV (a number or a text)
and of an empty text there (or none) is its own affair, and evened out here.
"""

import csv
import gzip
import io
import json
import shutil
import subprocess

import duckdb
import pandas
import polars
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet
import pytest
import zstandard
from expected import CSV_COLUMNS

# What a report is called after `report.`, the family of its readers, and how it is asked for.
FORMATS = {
    "csv": ("csv", []),
    "csv.zst": ("csv", []),
    "csv.gz": ("csv", []),
    "parquet": ("parquet", []),
    "parts/": ("parquet", ["--format", "parquet", "--part-rows", "100"]),
    "arrow": ("arrow", []),
    "lz4.arrow": ("arrow", ["--compress", "lz4"]),
    "ndjson": ("ndjson", []),
    "ndjson.zst": ("ndjson", []),
}

CSV_TEXTS = ("filename", "fileExtension")
# Where inodes are beyond a signed number, PyArrow's JSON makes floats of them if not told; and it
# makes dates of extensions that all look like dates.
JSON_TYPES = pyarrow.schema(
    [(name, pyarrow.uint64()) for name in ("inode", "parent-inode", "st_dev")]
    + [("fileExtension", pyarrow.string())]
)


def files(path):
    """A report as DuckDB and Polars want it named: a folder of parts by a pattern."""
    return f"{path}/*.parquet" if path.is_dir() else str(path)


def with_duckdb(path):
    return _of_duckdb(duckdb.connect().sql(f"SELECT * FROM '{files(path)}'"))


def with_duckdb_from_arrow(path):
    """DuckDB reads no Arrow files by itself, but any table of PyArrow without a copy."""
    return _of_duckdb(duckdb.connect().from_arrow(mapped(path)))


def mapped(path):
    """The table in an Arrow file, mapped into memory."""
    with pyarrow.memory_map(str(path)) as file:
        return pyarrow.ipc.open_file(file).read_all()


def csv_with_pandas(path):
    types = dict.fromkeys(CSV_TEXTS, str)
    return _of_pandas(pandas.read_csv(path, dtype=types, keep_default_na=False))


def csv_with_pyarrow(path):
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(CSV_TEXTS, pyarrow.string()))
    return pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert).to_pydict()


def json_with_pandas(path):
    return _of_pandas(pandas.read_json(path, lines=True, dtype=False, dtype_backend="pyarrow"))


def json_with_pyarrow(path):
    names = pyarrow.json.read_json(path).column_names
    types = pyarrow.schema([field for field in JSON_TYPES if field.name in names])
    options = pyarrow.json.ParseOptions(explicit_schema=types)
    return pyarrow.json.read_json(path, parse_options=options).select(names).to_pydict()


def unpacked(path):
    """The bytes of a report, by gzip or zstandard."""
    with open(path, "rb") as file:
        if path.suffix == ".zst":
            return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
        return gzip.decompress(file.read()) if path.suffix == ".gz" else file.read()


def unpacked_by_command(path):
    """The bytes of a report, by the commands `zstd` and `gzip`."""
    tool = {".zst": "zstd", ".gz": "gzip"}.get(path.suffix, "cat")
    if not shutil.which(tool):
        pytest.skip(f"the command {tool} is not installed")
    arguments = [tool] if tool == "cat" else [tool, "-dc"]
    return subprocess.run([*arguments, path], check=True, capture_output=True).stdout


def parse_csv(data):
    """The columns of a CSV, by the module csv at its strictest."""
    header, *lines = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
    assert header == CSV_COLUMNS
    texts = (*CSV_TEXTS, "st_mode")
    columns = dict(zip(header, zip(*lines, strict=True), strict=True))
    return {n: values if n in texts else list(map(int, values)) for n, values in columns.items()}


def parse_json(data):
    """The columns of an NDJSON, by the module json; each line must have the same keys."""
    # Of the bytes, since a text has more ends of lines than these.
    lines = [json.loads(line) for line in data.split(b"\n")[:-1]]
    assert all(list(line) == list(lines[0]) for line in lines)
    return {name: [line[name] for line in lines] for name in lines[0]}


def _of_duckdb(table):
    return dict(zip(table.columns, zip(*table.fetchall(), strict=True), strict=True))


def _of_polars(table):
    return table.to_dict(as_series=False)


def _of_pandas(table):
    return table.astype(object).where(table.notna(), None).to_dict("list")


# A text of an extension is asked for, or Polars sees numbers where all look like some.
POLARS_CSV = {"schema_overrides": {"fileExtension": polars.String}}
# Polars guesses by the first hundred rows, where a column may be null throughout.
POLARS_JSON = {"infer_schema_length": None}

READERS = {
    "csv": {
        "duckdb": with_duckdb,
        "polars": lambda path: _of_polars(polars.read_csv(path, **POLARS_CSV)),
        "polars_lazily": lambda path: _of_polars(polars.scan_csv(path, **POLARS_CSV).collect()),
        "pandas": csv_with_pandas,
        "pyarrow": csv_with_pyarrow,
        "standard_library": lambda path: parse_csv(unpacked(path)),
        "commands": lambda path: parse_csv(unpacked_by_command(path)),
    },
    "parquet": {
        "duckdb": with_duckdb,
        "polars": lambda path: _of_polars(polars.read_parquet(files(path))),
        "polars_lazily": lambda path: _of_polars(polars.scan_parquet(files(path)).collect()),
        "pandas": lambda path: _of_pandas(pandas.read_parquet(path, dtype_backend="pyarrow")),
        "pyarrow": lambda path: pyarrow.parquet.read_table(path).to_pydict(),
        "pyarrow_dataset": lambda path: pyarrow.dataset.dataset(path).to_table().to_pydict(),
    },
    "arrow": {
        "duckdb": with_duckdb_from_arrow,
        "polars": lambda path: _of_polars(polars.read_ipc(path)),
        "polars_lazily": lambda path: _of_polars(polars.scan_ipc(path).collect()),
        "pandas": lambda path: _of_pandas(pandas.read_feather(path, dtype_backend="pyarrow")),
        "pyarrow": lambda path: mapped(path).to_pydict(),
        "pyarrow_feather": lambda path: pyarrow.feather.read_table(path).to_pydict(),
    },
    "ndjson": {
        "duckdb": with_duckdb,
        "polars": lambda path: _of_polars(polars.read_ndjson(path, **POLARS_JSON)),
        "polars_lazily": lambda path: _of_polars(polars.scan_ndjson(path, **POLARS_JSON).collect()),
        "pandas": json_with_pandas,
        "pyarrow": json_with_pyarrow,
        "standard_library": lambda path: parse_json(unpacked(path)),
        "commands": lambda path: parse_json(unpacked_by_command(path)),
    },
}

EVEN = {
    "csv": {
        "fileExtension": lambda text: text or "",
        "st_mode": lambda mode: f"{int(mode):07}",
    },
    "ndjson": {"filename_bytes": lambda digits: digits and bytes.fromhex(digits)},
}

# Each format with each of its readers; and those that have all columns.
CASES = [(suffix, reader) for suffix, (family, _) in FORMATS.items() for reader in READERS[family]]
COLUMNAR = [suffix for suffix, (family, _) in FORMATS.items() if family != "csv"]
COLUMNAR_CASES = [(suffix, reader) for suffix, reader in CASES if suffix in COLUMNAR]


def read(suffix, reader, path):
    """The columns' names and the sorted rows that a reader finds in a report."""
    family, _ = FORMATS[suffix]
    return evened(family, READERS[family][reader](path))


def evened(family, columns):
    """The names and the sorted rows of a table given by its columns."""
    for name, even in EVEN.get(family, {}).items():
        if name in columns:
            columns[name] = [even(value) for value in columns[name]]
    return list(columns), sorted(zip(*columns.values(), strict=True))
