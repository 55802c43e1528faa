"""The import path of python-pwalk 0.1: `from pwalk.report import report`.

Python puts what it has imported as `pwalk.report` in the place of the function of that name. So it is
given the function, which has itself as an attribute.
"""

import sys

from ._report import report

__all__ = ["report"]

setattr(report, "report", report)  # noqa: B010 - functions have no such attribute for type checkers
sys.modules[__name__] = report  # type: ignore[assignment]
