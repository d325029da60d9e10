"""The guide names what computes each figure: a name that is not there would tell nobody."""

import importlib

import pytest

from learntrac.analytics.schemas import Dashboard, LearnerAnalytics
from tests.test_docs import GUIDE, table

PAGE = GUIDE / "analytics.md"
ROWS = table(PAGE, "figure")
ALL = [*ROWS, *table(GUIDE / "figures.md", "figure")]


@pytest.mark.parametrize("name", [row[-1].strip("`") for row in ALL])
def test_what_computes_a_figure_is_there(name: str) -> None:
    place, _, last = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(place), last)
    except ModuleNotFoundError:
        module, _, kind = place.rpartition(".")
        found = getattr(getattr(importlib.import_module(module), kind), last)
    assert found.__doc__


def test_every_figure_of_a_dashboard_and_of_a_learner_is_explained() -> None:
    said = " ".join(row[0] + row[1] for row in ROWS)
    shown = {*Dashboard.model_fields["summary"].annotation.model_fields}  # type: ignore[union-attr] # a model
    for name in ("performance_metrics", "engagement_patterns", "recommendations"):
        shown |= {*LearnerAnalytics.model_fields[name].annotation.model_fields}  # type: ignore[union-attr] # a model

    assert [name for name in sorted(shown) if f"`{name}`" not in said] == ["next_concepts"]
