"""Tables on a terminal: by rich if it is installed, else as plain text."""

from collections.abc import Sequence


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table. All columns but the first hold numbers."""
    title = _shown(title)
    rows = [[_shown(cell) for cell in row] for row in rows]
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
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *others in table:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join(cells).rstrip())
    print()


def _shown(text: str) -> str:
    """Text that a terminal shows as it is: no control characters, no invalid UTF-8."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
