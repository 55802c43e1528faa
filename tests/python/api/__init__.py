"""Tests of the Python package, written from its contract; a package, so that names may repeat."""
