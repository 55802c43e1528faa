"""The command `pwalk`: the same one that Rust builds, run inside Python."""

import sys

from ._pwalk import run_command


def main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    return run_command(["pwalk", *sys.argv[1:]])
