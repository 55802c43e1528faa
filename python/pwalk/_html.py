"""What notebooks show: a small table of facts, safe whatever the names of files are."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

# Paths may be thousands of characters long, and the table is to be small.
_LEN_MAX = 200


def facts(title: str, rows: Mapping[str, object]) -> str:
    """A table with a heading, and one row for each fact."""
    cells = "".join(
        f'<tr><th style="text-align: left">{_safe(name)}</th>'
        f'<td style="text-align: left"><bdi>{_safe(value)}</bdi></td></tr>'
        for name, value in rows.items()
    )
    return f"<table><caption><b>{_safe(title)}</b></caption>{cells}</table>"


def of_summary(summary: Mapping[str, Any]) -> dict[str, str]:
    """What a summary says, in short."""
    found = {"entries": _counts(summary.get("entries", {}))}
    sums = summary.get("bytes", {}).items()
    if known := [f"{size:,} {name}" for name, size in sums if size is not None]:
        found["bytes"] = ", ".join(known)
    found["errors"] = _counts(summary.get("errors", {}))
    if "seconds" in summary:
        found["seconds"] = f"{summary['seconds']:.2f}"
    return found


def of_errors(errors: Sequence[OSError]) -> dict[str, str]:
    """The first few errors, each in a row."""
    return {f"error {number}": str(error) for number, error in enumerate(errors[:3], 1)}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "none"


def _safe(value: object) -> str:
    """Text that means nothing to a browser, and can be sent as UTF-8."""
    text = str(value)
    if len(text) > _LEN_MAX:
        half = _LEN_MAX // 2
        text = f"{text[:half]} … {text[-half:]}"
    return html.escape(text.encode("utf-8", "backslashreplace").decode())
