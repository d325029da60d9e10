"""A report written as CSV, XLSX or PDF, part by part: however many rows there are, few are in memory.

Text is only ever data here: a string cell, a quoted field, a JSON string.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import typst
import xlsxwriter

from learntrac.analytics.escaping import csv_text, plain
from learntrac.analytics.report import Cell, Chart, Column, Head, KeyFigure, Kind, Row, Summary, Table, written

MOST_PDF_ROWS = 1_000
"""A printed table ends there, and says so."""
MOST_SHEET_ROWS = 1_048_000
"""A sheet takes 1,048,576 rows."""
TEMPLATE = Path(__file__).parent / "report.typ"


class Writer(Protocol):
    """Takes the parts of a report in order, and ends with a whole file."""

    def summary(self, summary: Summary) -> None:
        """Write the key figures and charts."""
        ...

    def begin(self, table: Table) -> None:
        """Begin a table."""
        ...

    def rows(self, rows: Iterable[Row]) -> None:
        """Add rows to the table."""
        ...

    def close(self) -> None:
        """End the file."""
        ...

    def give_up(self) -> None:
        """Let go of the file, which nobody wants."""
        ...


def open_writer(format_: str, file: Path, head: Head) -> Writer:
    """The writer of csv, xlsx or pdf."""
    kinds: dict[str, type[CsvWriter | XlsxWriter | PdfWriter]] = {
        "csv": CsvWriter,
        "xlsx": XlsxWriter,
        "pdf": PdfWriter,
    }
    return kinds[format_](file, head)


class CsvWriter:
    """One part after the other, with an empty line between; UTF-8 with a mark, as spreadsheets want it.

    Numbers have a point and no separators, percents are shares, dates are ISO 8601.
    """

    def __init__(self, file: Path, _head: Head) -> None:
        self._out = file.open("w", encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._out)
        self._is_empty = True

    def _separate(self) -> None:
        if not self._is_empty:
            self._csv.writerow([])
        self._is_empty = False

    def summary(self, summary: Summary) -> None:
        self._separate()
        self._csv.writerow(["Figure", "Value"])
        self._csv.writerows([csv_text(one.title), _for_csv(one.value)] for one in summary.figures)

    def begin(self, table: Table) -> None:
        self._separate()
        self._csv.writerow([csv_text(column.title) for column in table.columns])

    def rows(self, rows: Iterable[Row]) -> None:
        self._csv.writerows([_for_csv(cell) for cell in row] for row in rows)

    def close(self) -> None:
        self._out.close()

    give_up = close


def _for_csv(cell: Cell) -> object:
    if isinstance(cell, str):
        return csv_text(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


_FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {},
    "whole": {"num_format": "#,##0"},
    "decimal": {"num_format": "#,##0.00"},
    "percent": {"num_format": "0.0%"},
    "date": {"num_format": "yyyy-mm-dd", "align": "left"},
}

_GRID = {"color": "#d9dfe6", "width": 0.75}


class XlsxWriter:
    """A sheet for each part: typed cells, a header that stays, filters; and a chart sheet for each chart."""

    def __init__(self, file: Path, head: Head) -> None:
        options = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        self._book = xlsxwriter.Workbook(file, options | {"constant_memory": True})
        self._book.set_properties({"title": plain(head.title), "comments": plain(f"{head.period}. {head.made}")})
        self._head = head
        self._formats = {kind: self._book.add_format(format_) for kind, format_ in _FORMATS.items()}
        self._bold = self._book.add_format({"bold": True})
        header = {"bold": True, "bg_color": "#1f3a5f", "font_color": "#ffffff"}
        self._header = self._book.add_format(header)
        self._right_header = self._book.add_format(header | {"align": "right"})
        self._sheet: Any = None
        self._table: Table | None = None
        self._place = 0

    def summary(self, summary: Summary) -> None:
        sheet = self._book.add_worksheet("Summary")
        _fit_paper(sheet)
        sheet.set_column(0, 0, 40)
        sheet.set_column(1, 1, 18)
        sheet.set_column(2, 2, 70)
        for place, line in enumerate((self._head.title, self._head.period, self._head.scope, self._head.made)):
            sheet.write_string(place, 0, plain(line), self._bold if place == 0 else None)
        place = 5
        for one in summary.figures:
            self._figure(sheet, place, one)
            place += 1
        for chart in summary.charts:
            place = self._chart(sheet, place + 1, chart)

    def _figure(self, sheet: Any, place: int, one: KeyFigure) -> None:
        sheet.write_string(place, 0, plain(one.title))
        self._cell(sheet, place, 1, one.value, one.kind)
        sheet.write_string(place, 2, plain(one.meaning))

    def _chart(self, sheet: Any, place: int, chart: Chart) -> int:
        """The chart's figures from this row on, and the chart itself on a sheet of its own; the next free row."""
        sheet.write_string(place, 0, plain(chart.title), self._bold)
        first = place + 1
        for number, (label, value) in enumerate(chart.bars, first):
            sheet.write_string(number, 0, plain(label))
            self._cell(sheet, number, 1, value, chart.kind)
        last = first + len(chart.bars) - 1
        if chart.bars:
            drawn = self._book.add_chart({"type": "column"})
            points = {
                name: ["Summary", first, column, last, column] for name, column in (("categories", 0), ("values", 1))
            }
            drawn.add_series(points | {"fill": {"color": "#2f6db3"}, "gap": 60})
            drawn.set_title({"name": plain(chart.title)})
            drawn.set_legend({"none": True})
            drawn.set_y_axis(
                {
                    "num_format": "0%" if chart.kind == "percent" else "General",
                    "major_gridlines": {"visible": True, "line": _GRID},
                }
            )
            self._book.add_chartsheet(_sheet_name(chart.title)).set_chart(drawn)
        return last + 1

    def begin(self, table: Table) -> None:
        self._end_table()
        self._sheet, self._table, self._place = self._book.add_worksheet(_sheet_name(table.name)), table, 1
        for place, column in enumerate(table.columns):
            self._sheet.set_column(place, place, column.width)
            header = self._right_header if _is_right(column) else self._header
            self._sheet.write_string(0, place, plain(column.title), header)
        self._sheet.freeze_panes(1, 0)
        self._sheet.repeat_rows(0)
        _fit_paper(self._sheet)

    def rows(self, rows: Iterable[Row]) -> None:
        assert self._table is not None  # noqa: S101 - begin comes first
        for row in rows:
            if self._place > MOST_SHEET_ROWS:
                return
            for place, (cell, column) in enumerate(zip(row, self._table.columns, strict=True)):
                self._cell(self._sheet, self._place, place, cell, column.kind)
            self._place += 1

    def _cell(self, sheet: Any, row: int, place: int, cell: Cell, kind: Kind) -> None:
        if cell is None:
            return
        format_ = self._formats[kind]
        if isinstance(cell, str):
            sheet.write_string(row, place, plain(cell), format_)
        elif isinstance(cell, date):
            sheet.write_datetime(row, place, cell, format_)
        else:
            sheet.write_number(row, place, cell, format_)

    def _end_table(self) -> None:
        if self._table is not None:
            self._sheet.autofilter(0, 0, max(1, self._place - 1), len(self._table.columns) - 1)

    def close(self) -> None:
        self._end_table()
        self._book.close()

    def give_up(self) -> None:
        self._book.close()


def _fit_paper(sheet: Any) -> None:
    """Have a sheet printed on A4 as wide as the paper, on as many pages as it takes."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _is_right(column: Column) -> bool:
    """Whether its cells stand at the right, as numbers do."""
    return column.kind not in ("text", "date")


def _sheet_name(title: str) -> str:
    # What Excel takes: 31 characters, none of these.
    return "".join(" " if char in "[]:*?/\\" else char for char in plain(title))[:31]


class PdfWriter:
    """Pages set by Typst from a template of ours; the report is data that it reads."""

    def __init__(self, file: Path, head: Head) -> None:
        self._file = file
        self._data: dict[str, Any] = {
            "head": {name: plain(value) for name, value in vars(head).items()},
            "figures": [],
            "charts": [],
            "tables": [],
        }

    def summary(self, summary: Summary) -> None:
        self._data["figures"] = [
            {"title": plain(one.title), "value": plain(written(one.value, one.kind)), "meaning": plain(one.meaning)}
            for one in summary.figures
        ]
        self._data["charts"] = [_drawn(chart) for chart in summary.charts if chart.bars]

    def begin(self, table: Table) -> None:
        self._data["tables"].append(
            {"title": plain(table.title), "columns": [_printed(one) for one in table.columns], "rows": [], "left": 0}
        )
        self._kinds: Sequence[Kind] = [column.kind for column in table.columns]

    def rows(self, rows: Iterable[Row]) -> None:
        table = self._data["tables"][-1]
        for row in rows:
            if len(table["rows"]) < MOST_PDF_ROWS:
                cells = zip(row, self._kinds, strict=True)
                table["rows"].append([plain(written(cell, kind)) for cell, kind in cells])
            else:
                table["left"] += 1

    def close(self) -> None:
        folder = self._file.parent
        data = folder / "report.json"
        data.write_text(json.dumps(self._data), encoding="utf-8")
        source = folder / "report.typ"
        source.write_bytes(TEMPLATE.read_bytes())
        typst.compile(str(source), output=str(self._file), root=str(folder), format="pdf")

    def give_up(self) -> None:
        """There is none before it is closed."""


def _printed(column: Column) -> dict[str, Any]:
    return {"title": plain(column.title), "right": _is_right(column), "width": column.width}


def _drawn(chart: Chart) -> dict[str, Any]:
    # A share is drawn as one: the longest bar is not everything there is.
    most = 1 if chart.kind == "percent" else max((value for _, value in chart.bars), default=0) or 1
    bars = [
        {"label": plain(label), "value": plain(written(value, chart.kind)), "share": max(0, value / most)}
        for label, value in chart.bars
    ]
    return {"title": plain(chart.title), "bars": bars}
