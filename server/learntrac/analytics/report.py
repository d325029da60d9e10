"""A report as it is before it has a format: key figures, charts, tables of typed columns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["text", "whole", "decimal", "percent", "date"]
Cell = str | int | float | date | None
Row = Sequence[Cell]
"""A cell for each column; percents are shares from 0 to 1."""


@dataclass(frozen=True)
class Column:
    """A column's title, what its cells are, and how wide it is in characters."""

    title: str
    kind: Kind = "text"
    width: int = 12


@dataclass(frozen=True)
class KeyFigure:
    """A figure that stands by itself, and what it means."""

    title: str
    value: Cell
    kind: Kind
    meaning: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars: a label and a value each."""

    title: str
    kind: Kind
    bars: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Head:
    """What a report is, of which days, of whom, and when it was made."""

    title: str
    period: str
    scope: str
    made: str


@dataclass(frozen=True)
class Summary:
    """The first part: key figures and charts."""

    figures: tuple[KeyFigure, ...]
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Table:
    """A part that is a table; its rows are added bit by bit."""

    name: str
    title: str
    columns: tuple[Column, ...]


def written(value: Cell, kind: Kind) -> str:
    """A cell as people read it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if kind == "percent":
        return f"{100 * value:.1f} %"
    return f"{value:,.2f}" if kind == "decimal" else f"{round(value):,}"
