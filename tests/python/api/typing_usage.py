"""Typical uses of the package, which type checkers must accept as they stand; never run."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_type

import pwalk


def walk_of_text(top: str) -> list[str]:
    """`os.walk` with another module's name in front."""
    found: list[str] = []
    for dirpath, dirnames, filenames in pwalk.walk(top):
        assert_type(dirpath, str)
        assert_type(dirnames, list[str])
        assert_type(filenames, list[str])
        dirnames[:] = sorted(name for name in dirnames if name != ".git")
        found += [os.path.join(dirpath, name) for name in filenames]
    return found


def walk_of_bytes(top: bytes) -> list[bytes]:
    found: list[bytes] = []
    for dirpath, _, filenames in pwalk.walk(top, topdown=False, followlinks=True):
        found += [os.path.join(dirpath, name) for name in filenames]
    return found


def walk_of_paths(top: Path) -> Iterator[Path]:
    for dirpath, _, filenames in pwalk.walk(top):
        yield from (Path(dirpath, name) for name in filenames)


def walk_that_is_closed(top: str) -> tuple[str, list[str], list[str]]:
    walk = pwalk.walk(top, max_threads=2, ignore_snapshots=False)
    first = next(walk)
    walk.close()
    return first


def walk_with_errors(top: str) -> list[OSError]:
    errors: list[OSError] = []

    def show(progress: Mapping[str, object]) -> None:
        print(progress["files"], progress["last_dirs"])

    for _ in pwalk.walk(top, onerror=errors.append, progress_callback=show, progress_interval=0.5):
        pass
    return errors


def report_as_a_pair(top: str) -> int:
    output, errors = pwalk.report(top)
    print(f"{os.fspath(output)} was written")
    assert_type(errors, list[OSError])
    return len(errors)


def report_with_everything(top: Path) -> bool:
    result: pwalk.Report = pwalk.report(
        top,
        Path("scan.parquet"),
        8,
        "auto",
        format="parquet",
        columns=["inode", "st_size", *pwalk.COLUMNS[2:4]],
        ignore_snapshots=True,
        exclude=["*.tmp"],
        where="size > 1G",
        one_file_system=True,
        max_depth=3,
        progress_callback=print,
        progress_interval=2,
    )
    for error in result.errors:
        print(error.errno, error.filename)
    return bool(result.summary["complete"])


def scan_as_a_table(top: str) -> int:
    scan: pwalk.Scan = pwalk.scan(top, buffer_size_mb=64, columns=("inode", "st_size"))
    for batch in scan:
        print(batch)
    print(scan.errors, scan.summary["entries"])
    sizes = scan["st_size"]
    return len(scan) + int(sizes.sum())


def scan_as_a_stream(top: str) -> object:
    scan = pwalk.scan(top)
    return scan.__arrow_c_stream__()


def scan_converted(top: str) -> int:
    scan = pwalk.Walker().scan(top, exclude=["*.tmp"], where="empty", progress="bar", buffer_size_mb=64)
    assert "inode" in scan and scan.column_names == list(scan.schema)
    batch = next(iter(scan))
    print(batch["inode"].sum(), batch.column("filename").to_list(), batch.schema["inode"])
    print(scan.to_arrow(), scan.to_pandas(), scan.to_numpy()["inode"].sum())
    return scan.to_polars().height


def profiled(top: Path) -> float:
    profile: pwalk.Profile = pwalk.profile(top, 4, top_n=10, where="size > 1G", progress="bar")
    assert_type(profile.extensions, pwalk.Batch)
    print(profile.totals["entries"], profile.complete, profile.to_dict()["version"])
    profile.to_html(top / "page.html")
    pwalk.Profile(profile.to_json())
    return profile.seconds + float(profile.largest_files["bytes"].sum())


def repaired(top: Path) -> str | None:
    found: pwalk.Repair = pwalk.repair(top, True, [100, "users"], group="lab", plan="plan.csv")
    assert_type(found.changes, pwalk.RepairChanges)
    print(len(found.changes), found.changes.column_names, found.summary["changes"])
    assert_type(found.errors, list[OSError])
    found.apply("repair.journal", syslog=False, progress="bar").undo()
    pwalk.Repair.from_plan(Path("plan.csv"), max_ops=100).apply(progress_callback=print)
    assert_type(pwalk.Repair.from_journal(b"repair.journal").undo(), pwalk.Repair)
    return found.journal if found.applied is not None and found.applied["complete"] else None


def folders(top: Path) -> dict[str, int]:
    profiler = pwalk.DirectoryProfiler(True, True, 500, exclude="*.tmp", progress_callback=print)
    analysis: pwalk.DirectoryAnalysis = profiler.analyze(top, max_depth=3)
    assert_type(analysis["summary"]["total_size_mb"], float)
    for path, n_files in analysis["top_folders_by_file_count"]:
        print(path.upper(), n_files + 1, profiler.get_implementation_info()["using_rust"])
    profiler.print_report(analysis)
    return analysis["file_extensions"]


def low_level(top: str) -> int:
    result = pwalk.traverse(top, update_interval=1, output_dir="/tmp")
    total = 0
    for path, is_dir, _inode, size, _uid, _gid, _mtime in pwalk.read_buffer(
        result["buffer_file"], limit=10
    ):
        assert_type(path, str)
        assert_type(is_dir, bool)
        total += size
    return total


def configured(top: str) -> list[str]:
    config = pwalk.Config(max_threads=4, use_statx=False, buffer_size_mb=16)
    walker = pwalk.Walker(config)
    for name, (value, reason) in walker.effective_config(top).items():
        print(f"{name}: {value}, because {reason}")
    print(len(walker.scan(top)), walker.report(top, "scan.csv").errors)
    return [dirpath for dirpath, _, _ in walker.walk(top)]


async def asynchronous(top: str) -> int:
    total = 0
    async for dirpath, dirnames, filenames in pwalk.AsyncWalker(
        max_workers=2, max_ops=1000, nice=True
    ).walk(top):
        assert_type(dirpath, str)
        dirnames.clear()
        total += len(filenames)
    return total


def monitored(top: str) -> float:
    with pwalk.Monitor() as monitor:
        asyncio.run(asynchronous(top))
    other = pwalk.Monitor()
    other.start()
    return other.stop()["files_per_second"] + monitor.files_per_second
