"""Tests of what would make results wrong without anybody seeing it.

python3 -m unittest discover -s bench
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness import places, scans
from harness.contestants import SUITES, Contestant, Slowfs
from harness.counting import COUNTERS, Count, n_lines
from harness.machine import kernel, mount_type
from harness.measuring import Row, Run, void_unequal
from harness.results import Record, command, page, ratios, row_record, user_ns_per_row

BENCH = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or BENCH.parent / "target").resolve()
HEADER, ROWS = b"a,b\n", b"1,2\n3,4\n5,6\n"


def zstd(data: bytes) -> bytes:
    """One frame."""
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def row(name: str, base: str, walls: list[float], entries: int = 1) -> Row:
    """A row as if it had been run."""
    runs = [Run(wall, 0, 0, 0) for wall in walls]
    return Row(Contestant(name, (), "lines", base), count=Count(entries), runs=runs)


def results_of(rows: list[Record]) -> Record:
    """Results of one suite with one workload."""
    workload = {"name": "wide", "entries": 50_000, "bytes": 0, "others": 0, "rows": rows}
    machine = {"kernel": "", "filesystem": "", "cpus": 2, "cpu": "", "memory_gb": 1}
    suite = {"proves": "", "date": "", "rounds": 5, "threads": 2, "versions": {}}
    return {"suites": {"wide": suite | {"machine": machine, "workloads": [workload]}}}


class Counting(unittest.TestCase):
    """Lines are counted in whatever a contestant writes."""

    def check(self, data: bytes, expected: int) -> None:
        """Writes the data into a file and counts."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "out")
            path.write_bytes(data)
            self.assertEqual(n_lines(path), expected)

    def test_lines_are_counted_plain_and_compressed(self) -> None:
        frames = zstd(HEADER) + zstd(ROWS)
        for data, expected in ((b"", 0), (HEADER + ROWS, 4), (zstd(HEADER + ROWS), 4), (frames, 4)):
            self.check(data, expected)

    def test_a_plain_header_before_a_frame_is_counted(self) -> None:
        self.check(HEADER + zstd(ROWS), 4)

    def test_a_cut_frame_is_an_error(self) -> None:
        with self.assertRaises(ValueError):
            self.check(zstd(ROWS * 1000)[:-3], 0)


class Scans(unittest.TestCase):
    """A saved scan is a report of several roots."""

    def test_a_report_is_repeated_under_other_roots(self) -> None:
        lines = (b"inode,...\n", b'7,2,0,"/t/a","",x\n', b'2,0,-1,"/t","",y\n')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "report.csv")
            path.write_bytes(b"".join(lines))
            found = list(scans.repeated(path, b"/t", 2))
        inode, parent = scans.INODES + 7, scans.INODES + 2
        expected = [lines[0], b'7,2,0,"/t-0/a","",x\n', b'2,0,-1,"/t-0","",y\n']
        expected.append(b'%d,%d,0,"/t-1/a","",x\n' % (inode, parent))
        expected.append(b'%d,0,-1,"/t-1","",y\n' % parent)
        self.assertEqual(found, expected)


class Rows(unittest.TestCase):
    """Rows that disagree are void, and ratios are taken round by round."""

    def test_another_number_of_entries_is_void(self) -> None:
        rows = [row("floor", "floor", [1]), row("a", "floor", [1]), row("b", "floor", [1], 2)]
        void_unequal(rows)
        self.assertEqual([bool(each.void) for each in rows], [False, False, True])

    def test_a_ratio_is_the_median_of_the_rounds(self) -> None:
        # The machine was ten times slower in the second round: the ratio does not see it.
        base, other = row("floor", "floor", [1, 10, 2]), row("a", "floor", [2, 20, 6])
        expected = {"ratio": 2.0, "ratio_min": 2.0, "ratio_max": 3.0}
        self.assertEqual(ratios(other, base), expected)

    def test_user_time_of_a_row_is_without_the_floors(self) -> None:
        base, other = row("floor", "floor", [1, 1, 1]), row("a", "floor", [1, 1, 1])
        base.runs = [Run(1, 0.1, 2, 0), Run(1, 0.2, 2, 0), Run(1, 0.1, 2, 0)]
        other.runs = [Run(1, 0.4, 2, 0), Run(1, 0.6, 2, 0), Run(1, 0.3, 2, 0)]
        # 0.3, 0.4 and 0.2 seconds more for a million rows.
        self.assertEqual(user_ns_per_row(other, base, 1_000_000), 300)
        for base_of, entries in ((other, 1), (None, 1), (base, None), (base, 0)):
            self.assertIsNone(user_ns_per_row(other, base_of, entries))
        base.void = "a reason"
        self.assertIsNone(user_ns_per_row(other, base, 1))

    def test_every_counter_and_base_of_the_table_exists(self) -> None:
        for suite in SUITES.values():
            for workload in suite.workloads:
                names = {each.name for each in workload.contestants}
                for each in workload.contestants:
                    self.assertIn(each.count, COUNTERS, each.name)
                    self.assertIn(each.base, names, f"{suite.name}: {each.name}")


class Places(unittest.TestCase):
    """What contestants walk, and how it is made fresh."""

    def test_caches_are_dropped_before_each_run(self) -> None:
        with tempfile.NamedTemporaryFile() as control:
            with mock.patch.object(places, "DROP_CACHES", Path(control.name)):
                place = places.Cold(Path("/"))
                self.assertIsNone(place.missing())
                with place.fresh(["/bin/sh", "/"]):
                    self.assertEqual(Path(control.name).read_text(), "3")

    def test_a_tree_on_a_server_is_scaled_by_what_it_has_many_of(self) -> None:
        self.assertEqual(Slowfs(500, 100, 1).scaled(0.1), Slowfs(50, 100, 1))
        self.assertEqual(Slowfs(1, 20_000, 2).scaled(0.1), Slowfs(1, 2000, 2))

    def test_clients_that_a_kernel_lacks_are_named(self) -> None:
        known = "nodev\tnfs\nnodev\t9p\n\text4\n"
        self.assertEqual(places.without_client(known), ["nfs4", "virtiofs"])

    def test_each_workload_on_a_server_has_numbers_of_threads_to_compare_with(self) -> None:
        for name in ("slow", "cold"):
            for workload in SUITES[name].workloads:
                if not workload.name.startswith("walk"):
                    self.assertTrue(any(each.is_fixed for each in workload.contestants))


class Slow(unittest.TestCase):
    """The suite `slow`, as small as it gets, with the programs that the tests have built."""

    def require(self, is_there: bool, reason: str) -> None:
        """Skips, and adds a line to the list of skipped tests."""
        if is_there:
            return
        if "PWALK_SKIPS" in os.environ:
            with open(os.environ["PWALK_SKIPS"], "a") as skips:
                skips.write(f"{self.id()}: {reason}\n")
        self.skipTest(reason)

    def test_servers_are_mounted_measured_and_counted(self) -> None:
        pwalk = os.environ.get("PWALK_BIN") or str(TARGET / "debug/pwalk")
        self.require(os.geteuid() == 0, "it needs root")
        self.require(os.access("/dev/fuse", os.R_OK | os.W_OK), "it needs /dev/fuse")
        with tempfile.TemporaryDirectory() as folder:
            run = [sys.executable, BENCH / "run.py", "--suite", "slow", "--only", "pwalk -t64"]
            run += ["--scale", "0.004", "--rounds", "1", "--retries", "0", "--pwalk", pwalk]
            run += ["--bin-dir", Path(pwalk).parent, "--corpora", folder, "--results", folder]
            done = subprocess.run(run, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            (results,) = Path(folder).glob("*/results.json")
            suite = json.loads(results.read_text())["suites"]["slow"]
            text = results.with_name("README.md").read_text()
            self.assertNotIn(folder, results.read_text())
        *served, walk, sshfs = suite["workloads"]
        self.assertEqual(len(served), 5)
        for workload in served:
            floor, fixed = workload["rows"]
            self.assertEqual((floor["void"], fixed["void"]), (None, None))
            self.assertGreaterEqual(fixed["seen"]["lookup"], workload["entries"] - 2)
        self.assertIsNone(walk["rows"][0]["void"])
        # It is measured, or the reason says what to install.
        self.assertIn("Against the best fixed number of threads, `pwalk -t64`", text)
        reasons = {row["void"] for row in sshfs["rows"]} - {None}
        self.assertTrue(all("is not installed" in reason for reason in reasons), reasons)


class Published(unittest.TestCase):
    """What goes into the results."""

    def test_the_page_shows_the_user_time_of_a_row(self) -> None:
        base, other = row("floor", "floor", [1]), row("a", "floor", [2])
        other.runs = [Run(2, 0.0125, 0, 0)]
        rows = [row_record(each, base, 50_000) for each in (base, other)]
        text = page(results_of(rows))
        self.assertIn("| user ns a row |", text)
        (line,) = [line for line in text.splitlines() if line.startswith("| a ")]
        self.assertIn("| 250 |", line)
        # Results of an older harness have no such number.
        rows[1].pop("user_ns_per_row")
        self.assertNotIn("| 250 |", page(results_of(rows)))

    def test_commands_keep_their_placeholders(self) -> None:
        argv = ("$FIND", "$TREE", "-printf", r"%p\n", ">", "$OUT")
        self.assertEqual(command(argv), r"$FIND $TREE -printf '%p\n' > $OUT")

    def test_a_kernel_keeps_its_numbers_only(self) -> None:
        for release, expected in (("6.18.4-site-7", "Linux 6.18.4"), ("odd", "Linux")):
            self.assertEqual(kernel(release), expected)

    def test_the_deepest_mount_gives_the_filesystem(self) -> None:
        mounts = (
            "1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n"
            "2 1 8:2 / /data rw - xfs /dev/b rw\n"
            "3 1 8:3 / /data2 rw - btrfs /dev/c rw\n"
        )
        for path, expected in (("/data/x", "xfs"), ("/database", "ext4"), ("/data2", "btrfs")):
            self.assertEqual(mount_type(path, mounts), expected)


if __name__ == "__main__":
    unittest.main()
