"""Reads an archive of CSV into text columns: a line that cannot be read costs itself, not the file.

The encoding is UTF-8, UTF-16 or, cell by cell, Windows-1252, which spreadsheets write. Cells are separated by
commas, or by semicolons or tabs where the header is.
"""

import csv
import io
from collections.abc import Collection, Iterator

from soccer_assets.feeds.fields import as_utf8, decode_cell, delimiter_of, with_decimal_points

# A quoted cell may hold line breaks. One that is never closed would swallow the rows after it.
_MOST_LINES_OF_A_ROW = 5
_OPEN_QUOTE = "the line has a quotation mark that is not closed; close it, or remove it"
# Of the last line where it has no end: the file was cut.
CUT_ROW = "the file ends inside this row; load it again"
_SHOWN = 1000


def read_csv(
    data: bytes, wanted: Collection[str], broken: list[tuple[str, str]]
) -> tuple[list[str], dict[str, tuple[str | None, ...]]]:
    """The header of a CSV file, and its columns of these names; an empty cell is None.

    Args:
        data: the file.
        wanted: names of columns.
        broken: receives reason and text of each line that cannot be read; the reason is `CUT_ROW` where the
            file ends in it.
    """
    data = as_utf8(data)
    try:
        text, is_utf8 = data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        # Latin-1 keeps every byte as a character, for `decode_cell`.
        text, is_utf8 = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1"), False
    rows = _rows(list(io.StringIO(text, newline="")), broken)
    header = [name.strip() for name in next(rows, [])]
    cells = list(zip(*rows, strict=True)) or [()] * len(header)
    columns = {}
    for name, column in zip(header, cells, strict=True):
        if name in wanted:
            texts = column if is_utf8 else map(decode_cell, column)
            columns[name] = tuple(cell or None for cell in texts)
    return header, columns


def _rows(lines: list[str], broken: list[tuple[str, str]]) -> Iterator[list[str]]:
    """The header, and every row of its width; a line that cannot be read does not cost the next."""
    start, width = 0, 0
    delimiter = delimiter_of(lines[0]) if lines else ","
    is_cut = bool(lines) and not lines[-1].endswith(("\n", "\r"))
    while start < len(lines):
        source = _Lines(lines, start)
        try:
            for cells in csv.reader(source, delimiter=delimiter):
                row = cells if delimiter == "," else with_decimal_points(cells)
                is_whole = len(row) == width or not width
                if not is_whole and source.taken > 1:
                    raise csv.Error(_OPEN_QUOTE)  # noqa: TRY301 as the reader does at the end of the lines
                if is_whole:
                    width = len(row)
                    yield row
                elif row:
                    reason = f"the line has {len(row)} cells, not {width}; write one a column"
                    if is_cut and source.is_at_end and len(row) < width:
                        reason = CUT_ROW
                    broken.append((reason, ",".join(row)[:_SHOWN]))
                start = source.begin_row()
        except csv.Error:
            reason = CUT_ROW if is_cut and start == len(lines) - 1 else _OPEN_QUOTE
            broken.append((reason, lines[start].strip()[:_SHOWN]))
            start += 1
            continue
        return


class _Lines:
    """Lines for a reader, which may take a few for one row."""

    def __init__(self, lines: list[str], start: int) -> None:
        self._lines = lines
        self._start = self._next = start

    def begin_row(self) -> int:
        """Begin the next row; returns the number of its first line."""
        self._start = self._next
        return self._start

    @property
    def taken(self) -> int:
        """How many lines the row has so far."""
        return self._next - self._start

    @property
    def is_at_end(self) -> bool:
        """Whether no line is left."""
        return self._next == len(self._lines)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.taken and (self.taken >= _MOST_LINES_OF_A_ROW or self._next >= len(self._lines)):
            raise csv.Error(_OPEN_QUOTE)
        if self._next >= len(self._lines):
            raise StopIteration
        self._next += 1
        return self._lines[self._next - 1]
