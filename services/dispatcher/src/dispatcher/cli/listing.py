"""Tables that fit the terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from dispatcher.cli import display

GAP = 2
"""So many blanks stand between two columns."""


class Listing(msgspec.Struct, frozen=True):
    """A table. Where it is too wide for the terminal it goes without its last columns, up to `spare` of them, and else
    becomes a sheet for each line: ids, words and times are never broken, so that they can be copied.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[display.Cell]]
    spare: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render what fits."""
        if not self.rows:
            yield Text("nothing to list", style="dim")
            return
        columns = [
            _column(name, [row[index] for row in self.rows]) for index, name in enumerate(self.columns)
        ]
        for kept in range(len(columns), len(columns) - self.spare - 1, -1):
            if sum(column.least for column in columns[:kept]) + GAP * (kept - 1) <= options.max_width:
                yield _grid(columns[:kept])
                return
        for number, row in enumerate(self.rows):
            if number:
                yield ""
            yield display.sheet(zip(self.columns, row, strict=True))


class _Column(msgspec.Struct, frozen=True):
    name: str
    cells: list[Text]
    numbers: bool
    whole: bool

    @property
    def least(self) -> int:
        """The width that it needs: that of its longest word or, where it may not be broken, of its longest cell."""
        texts = [self.name, *(text.plain for text in self.cells)]
        return max(len(part) for text in texts for part in ([text] if self.whole else text.split() or [""]))


def _column(name: str, values: Sequence[display.Cell]) -> _Column:
    numbers = any(isinstance(value, int) for value in values)
    whole = numbers or any(isinstance(value, datetime) for value in values)
    return _Column(name, [display.cell(value) for value in values], numbers, whole)


def _grid(columns: Sequence[_Column]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        side: JustifyMethod = "right" if column.numbers else "left"
        made.add_column(
            column.name, justify=side, overflow="fold", no_wrap=column.whole, min_width=column.least
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        made.add_row(*cells)
    return made


def table(columns: Sequence[str], rows: Iterable[Sequence[display.Cell]], spare: int = 0) -> Listing:
    """Return a table; numbers stand to the right. The last `spare` columns may be left out where there is no room."""
    return Listing(columns, [tuple(row) for row in rows], spare)
