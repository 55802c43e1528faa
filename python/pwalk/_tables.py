"""Tables on a terminal: by rich if it is installed, else as plain text."""

import sys
import unicodedata
from collections.abc import Sequence


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table. All columns but the first hold numbers."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    title = _shown(title, encoding)
    rows = [[_shown(cell, encoding) for cell in row] for row in rows]
    try:
        _show_rich(title, header, rows)
    except ImportError:
        _show_plain(title, header, rows)


def _show_rich(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    # As texts: names may look like rich's markup.
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    console.print(Text(title, style="bold"))
    if rows:
        console.print(table)
    console.print()


def _show_plain(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(title)
    table = [header, *rows] if rows else []
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    for row in table:
        pads = [" " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True)]
        cells = [pad + cell for pad, cell in zip(pads[1:], row[1:], strict=True)]
        print("  ".join([row[0] + pads[0], *cells]).rstrip())
    print()


def _width(text: str) -> int:
    """The columns that a text takes. What joins or modifies characters takes none."""
    return sum(
        0 if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2 if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def _shown(text: str, encoding: str) -> str:
    """Text that a terminal shows as it is: no control characters, no invalid UTF-8, and nothing that
    the encoding of the output lacks."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _can_show(char, encoding) else _escaped(char) for char in text)


def _can_show(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return char.isprintable()


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
