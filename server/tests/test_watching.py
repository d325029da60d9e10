"""The dashboard, the alerts and the guide name what the server measures, and the guide leaves nothing out."""

import json
import re
from typing import Any

import pytest
import yaml

from learntrac.kit.metrics import Metrics
from tests.contract.servers import ROOT
from tests.scraping import Scraped
from tests.test_docs import GUIDE, anchors, table

BOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "learntrac.json").read_text())
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "grafana" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\blearntrac_[a-z_]+")
LABELS = re.compile(r"\{([^{}]*)\}")
MATCHED = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


def measured() -> Scraped:
    """Everything that a server can measure."""
    metrics = Metrics(version="1")
    metrics.answered("/concepts", "GET", 200, 0.1)
    metrics.answered("/concepts", "GET", 429, 0.1)
    metrics.signed_in(ok=True)
    metrics.calls("database").failed()
    metrics.observe_up("database", up=True)
    metrics.observe_pool("hot", in_use=1, limit=2)
    metrics.observe_sync(lag_seconds=1, concepts=2)
    metrics.observe_queue({"waiting": 1})
    metrics.observe_learning("week", {"active_learners": 1}, unread=0)
    metrics.ran("python", "returned", 0.1)
    metrics.run_refused("busy")
    metrics.observe_sandbox(waiting=1)
    metrics.observe_tier("python", "wasm", up=True)
    metrics.asked("answered", 1)
    metrics.voice_closed(1000)
    metrics.spent("gpt-4o-mini", fresh=1, cached=1, output=1, micro_usd=1)
    return Scraped(metrics.render()[0].decode())


SEEN = measured()


def queries() -> list[str]:
    """Every query of the dashboard and of the alerts."""
    return [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in ALERTS]


@pytest.mark.parametrize("query", queries())
def test_a_query_names_what_is_measured(query: str) -> None:
    assert set(NAME.findall(query)) <= SEEN.names
    assert NAME.search(query) or query.startswith("up{")
    assert [query.count(bracket) for bracket in "([{"] == [query.count(bracket) for bracket in ")]}"]


@pytest.mark.parametrize("query", queries())
def test_a_query_asks_for_labels_that_are_there(query: str) -> None:
    known = SEEN.label_names | {"job", "instance", "le"}
    asked = {name for found in LABELS.findall(query) for name in MATCHED.findall(found)}
    grouped = {name.strip() for found in re.findall(r"by \(([^)]*)\)", query) for name in found.split(",")}

    assert asked | grouped <= known


def test_everything_that_is_measured_is_on_the_dashboard() -> None:
    shown = set(NAME.findall(json.dumps(BOARD)))

    assert {name for name in SEEN.help if not any(found.startswith(name) for found in shown)} == set()


def test_the_dashboard_takes_any_prometheus() -> None:
    variables = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    sources = [panel["datasource"] for panel in PANELS]
    sources += [target["datasource"] for panel in PANELS for target in panel["targets"]]

    assert variables["datasource"]["type"] == "datasource"
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    assert "id" not in BOARD


def test_the_dashboard_is_laid_out_in_its_rows() -> None:
    rows = [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"]
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in BOARD["panels"]]

    assert rows == [
        *("Traffic", "Errors", "Latency by route", "Backends"),
        *("Database pool", "Sync lag", "Queue", "Sign-ins"),
        *("Sandbox", "Language model", "Webhooks", "Learning", "Voice"),
    ]
    assert places == sorted(set(places))
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert all(panel["description"] for panel in PANELS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["guide"].partition("#")

    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(ROOT / page)


def test_the_guide_has_every_metric() -> None:
    listed = {name.strip("`"): text for name, text, _ in table(GUIDE / "watching.md", "metric")}
    families = {
        name if f"{name}_total" not in SEEN.names else f"{name}_total": text for name, text in SEEN.help.items()
    }

    assert {name.partition("{")[0]: text for name, text in listed.items()} == families
