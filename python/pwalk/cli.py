"""The import path of the command in python-pwalk 0.1: `pwalk.cli:main`."""

from ._command import main

__all__ = ["main"]
