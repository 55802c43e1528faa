"""The import path of python-pwalk 0.1: `from pwalk.walk import walk`.

Python puts what it has imported as `pwalk.walk` in the place of the function of that name. So it is
given the function, which has itself as an attribute.
"""

import sys

from ._walk import walk

__all__ = ["walk"]

setattr(walk, "walk", walk)  # noqa: B010 - functions have no such attribute for type checkers
sys.modules[__name__] = walk  # type: ignore[assignment]
