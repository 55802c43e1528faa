"""The command `pwalk`: the same one that Rust builds, run inside Python."""

import sys

# What the module `signal` is made of, which would take a tenth of the command's start.
_signal = __import__("_signal")

# Python's handler would be called beside the command's own, and end the process with a traceback.
# Until the command has begun, the system's default is as quiet.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from ._pwalk import run_command  # noqa: E402


def main() -> int:
    """Run the command with the arguments of this process; return its exit status."""
    return run_command(["pwalk", *sys.argv[1:]])
