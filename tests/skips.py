"""Prints which tests were skipped, and with CI=true fails for those that must not be.

    python3 tests/skips.py LIST

LIST has a line `TEST: REASON` for each skip; the Rust tests, pytest and the Makefile add theirs.
What may be skipped in CI stands in `skips-allowed.txt`.
"""

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

ALLOWED = Path(__file__).with_name("skips-allowed.txt")


def patterns(text: str) -> list[str]:
    """The patterns of a list of allowed skips: its lines without the comments."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def main(path: str) -> int:
    """Exit status 1 if CI must not go on."""
    skips = sorted(set(Path(path).read_text().splitlines()))
    if not skips:
        print("No test was skipped.")
        return 0
    allowed = patterns(ALLOWED.read_text())
    refused = [skip for skip in skips if not any(fnmatchcase(skip, each) for each in allowed)]
    print(f"Skipped ({len(skips)}):")
    for skip in skips:
        print(f"  {skip}")
    if os.environ.get("CI") != "true" or not refused:
        return 0
    print(f"CI=true: {len(refused)} of them must run here ({ALLOWED.name} has what may be skipped):")
    for skip in refused:
        print(f"  {skip}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
