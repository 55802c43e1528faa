"""Adds each skipped test to the list that `make test` prints at its end (`tests/skips.py`)."""

import os


def pytest_runtest_logreport(report):
    """A hook of pytest. Expected failures are called skipped as well, and are left out."""
    path = os.environ.get("PWALK_SKIPS")
    if path and report.skipped and not hasattr(report, "wasxfail"):
        _file, _line, reason = report.longrepr
        with open(path, "a") as skips:
            skips.write(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}\n")
