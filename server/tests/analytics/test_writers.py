"""Files that are safe to open, whatever people called themselves, and however many rows there are."""

import csv
import io
import json
import re
import resource
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pypdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learntrac.analytics.escaping import LONGEST_CELL, csv_text, plain
from learntrac.analytics.report import Chart, Column, Head, KeyFigure, Row, Summary, Table, written
from learntrac.analytics.writers import MOST_PDF_ROWS, open_writer

HOSTILE = (
    "=1+1",
    '=HYPERLINK("http://example.org","click")',
    "+1",
    "-1",
    "@SUM(A1)",
    " =1+1",
    "\t=1+1",
    "\uff1d1+1",
    "a\x00b\x1b[31m",
    "\ud800",
    "\u202egnp.exe",
    "line\r\nbreak",
    '"; DROP',
    "http://example.org",
    "#strong[bold] $x$ @label //",
    "x" * 40_000,
    "\ufffe\uffff",
)
HEAD = Head("=Learner progress", "1 to 30 November", "All @learners", "Made today")
SUMMARY = Summary(
    (KeyFigure("Active", 12, "whole", "=meaning"), KeyFigure("Rate", 0.5, "percent"), KeyFigure("None", None, "text")),
    (
        Chart("By week [1]", "whole", (("3 Nov", 4), ("10 Nov", 9), ("17 Nov", 1), ("24 Nov", 0))),
        Chart("=Empty", "whole", ()),
        Chart("By milestone", "percent", (("=cmd|' /C calc'!A0", 0.2), ("Nothing", 0.0))),
    ),
)
TABLE = Table(
    "Learners",
    "Learners in detail",
    (Column("User"), Column("=Count", "whole"), Column("Day", "date"), Column("Share", "percent")),
)
ROWS = [(name, number, date(2026, 11, 3), 0.25 if number % 2 else None) for number, name in enumerate(HOSTILE)]


def make(format_: str, folder: Path, rows: Sequence[Row]) -> Path:
    file = folder / f"report.{format_}"
    writer = open_writer(format_, file, HEAD)
    writer.summary(SUMMARY)
    writer.begin(TABLE)
    writer.rows(rows)
    writer.begin(Table("Empty", "Nothing", (Column("A"),)))
    writer.close()
    return file


def test_a_csv_has_no_formula(tmp_path: Path) -> None:
    content = make("csv", tmp_path, ROWS).read_bytes()

    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    cells = [cell for row in rows for cell in row]
    numbers = re.compile(r"-?\d+(\.\d+)?")
    assert [cell for cell in cells if cell.lstrip()[:1] in set("=+-@\uff1d") and not numbers.fullmatch(cell)] == []
    assert ["'=1+1", "0", "2026-11-03", ""] in rows
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", content.decode("utf-8-sig"))


def test_a_workbook_has_no_formula_and_typed_cells(tmp_path: Path) -> None:
    book = zipfile.ZipFile(make("xlsx", tmp_path, ROWS))

    sheets = {name: book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")}
    assert len(sheets) == 3
    for content in sheets.values():
        ElementTree.fromstring(content)
        assert b"<f>" not in content
        assert b"<hyperlink" not in content
    learners = next(content for content in sheets.values() if b"'=1+1" not in content and b"=1+1" in content)
    assert b'state="frozen"' in learners
    assert b'<autoFilter ref="A1:D18"/>' in learners
    assert len([name for name in book.namelist() if name.startswith("xl/chartsheets/sheet")]) == 2
    assert not [name for name in book.namelist() if "external" in name.lower() or "vba" in name.lower()]


def test_a_pdf_has_nothing_active_and_says_where_it_ends(tmp_path: Path) -> None:
    rows: list[Row] = [*ROWS, *[("somebody", 1, date(2026, 1, 1), 0.1)] * MOST_PDF_ROWS]
    file = make("pdf", tmp_path, rows)

    content = file.read_bytes()
    assert content.startswith(b"%PDF")
    active = (b"/JavaScript", b"/JS", b"/OpenAction", b"/AA", b"/Launch", b"/EmbeddedFile", b"/URI", b"/SubmitForm")
    assert [word for word in active if word in content] == []
    assert f'"left": {len(HOSTILE)}' in (tmp_path / "report.json").read_text()


def test_a_long_word_breaks_rather_than_run_over_its_neighbours(tmp_path: Path) -> None:
    file = make("pdf", tmp_path, [("x" * 120, 1, None, None)])

    said = "".join(page.extract_text() for page in pypdf.PdfReader(file).pages).replace("\u200b", "")
    runs = [len(run) for run in re.findall("x{5,}", said)]
    assert sum(runs) == 120
    assert max(runs) < 100


def test_a_share_is_drawn_as_one_and_a_count_beside_the_largest(tmp_path: Path) -> None:
    make("pdf", tmp_path, ROWS)

    by_week, by_milestone = json.loads((tmp_path / "report.json").read_text())["charts"]
    assert [bar["share"] for bar in by_milestone["bars"]] == [0.2, 0]
    assert max(bar["share"] for bar in by_week["bars"]) == 1


def test_a_workbook_is_printed_as_wide_as_the_paper_with_its_header_on_each_page(tmp_path: Path) -> None:
    book = zipfile.ZipFile(make("xlsx", tmp_path, ROWS))

    sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert all(b'fitToHeight="0"' in sheet and b'orientation="landscape"' in sheet for sheet in sheets)
    assert book.read("xl/workbook.xml").count(b"_xlnm.Print_Titles") == 2
    charts = [book.read(name) for name in book.namelist() if name.startswith("xl/charts/")]
    assert [b'<c:numFmt formatCode="0%"' in chart for chart in charts] == [False, True]


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, format_: str) -> None:
    """Twenty thousand rows; `benchmarks/analytics.py` measures whole reports of ten thousand learners."""
    file = tmp_path / f"long.{format_}"
    writer = open_writer(format_, file, HEAD)
    writer.begin(TABLE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        writer.rows([("somebody", 1, date(2026, 1, 1), 0.1)] * 1_000)
    writer.close()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    assert file.stat().st_size > 50_000


def test_a_sheet_ends_where_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learntrac.analytics.writers.MOST_SHEET_ROWS", 2)
    book = zipfile.ZipFile(make("xlsx", tmp_path, ROWS))

    content = next(book.read(name) for name in book.namelist() if b"autoFilter" in book.read(name))
    assert content.count(b"<row ") == 3


@given(st.text())
@example("=1")
@example(" \u3000=1")
@example("\r\n@x")
def test_csv_text_is_no_formula_and_says_the_same(text: str) -> None:
    found = csv_text(text)

    assert found.lstrip()[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20")
    assert found.removeprefix("'") == plain(text) or found == plain(text)
    assert not {"\n", "\r", "\t"} & set(found)


@given(st.text(alphabet=st.characters()))
def test_plain_text_is_stored_by_any_file(text: str) -> None:
    found = plain(text)

    found.encode("utf-8")
    ElementTree.fromstring(f"<a>{found.replace('&', '').replace('<', '').replace(']]>', '')}</a>")
    assert len(found) <= LONGEST_CELL
    assert plain(found) == found


def test_a_long_text_is_cut_visibly() -> None:
    assert plain("x" * 40_000) == "x" * (LONGEST_CELL - 1) + "\u2026"
    assert plain("x" * LONGEST_CELL) == "x" * LONGEST_CELL


def test_cells_as_people_read_them() -> None:
    assert written(None, "text") == ""
    assert written(date(2026, 1, 2), "date") == "2026-01-02"
    assert written(0.256, "percent") == "25.6 %"
    assert written(1234.5, "decimal") == "1,234.50"
    assert written(1234.0, "whole") == "1,234"
    assert written("=x", "text") == "=x"
