"""A model at each protocol's server, with budgets in a database of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from learntrac.backends.llm import Message, Prompt
from learntrac.backends.llm.asking import AskedModel
from learntrac.backends.llm.budgets import Budgets, Ceilings
from learntrac.backends.llm.prices import Prices
from learntrac.kit.db import Database
from learntrac.kit.metrics import Metrics
from learntrac.schema import migrate
from tests.backends.llm.protocols import AWS_ID, AWS_SECRET, PROTOCOLS, REGION, Speaks, checked
from tests.backends.llm.wire import Act, WireServer, wire_server
from tests.conftest import Clock

USD = 1_000_000
PLENTY = Ceilings(user_day=100 * USD, day=100 * USD, month=100 * USD, user_day_tokens=10**9)
PRICES = Prices(fresh=2, cached=0.5, written=2.5, output=8)
PROMPT = Prompt(
    course="You tutor the course “Weaving”.",
    turn="Guide, do not tell. Passage: a plain weave goes over one and under one.",
    messages=(
        Message("user", "What is a weave?"),
        Message("assistant", "What do you see when you look at cloth?"),
        Message("user", "Threads that cross."),
    ),
    max_tokens=200,
)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as migrations leave it."""
    file = tmp_path_factory.mktemp("llm") / "learntrac.db"

    async def make() -> None:
        database = Database(f"sqlite:///{file}")
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return file


@pytest.fixture
async def budgets(tables: Path, tmp_path: Path) -> AsyncIterator[Budgets]:
    database = Database(f"sqlite:///{shutil.copy(tables, tmp_path)}")
    yield Budgets(database, Clock(), PLENTY)
    await database.close()


@dataclass
class Provider:
    """A provider's server and a model that asks it."""

    speaks: Speaks
    server: WireServer
    model: AskedModel
    metrics: Metrics

    def will(self, *acts: Act) -> None:
        """Answer so from now on; requests must be such as the protocol allows."""
        self.server.will(*(checked(self.speaks, self.server, act) for act in acts))

    def count(self, name: str, **labels: str) -> float:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(name, labels) or 0


@pytest.fixture(params=PROTOCOLS, ids=lambda speaks: type(speaks).__name__)
async def provider(
    request: pytest.FixtureRequest, budgets: Budgets, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Provider]:
    """Each protocol in turn; the model gives up after twenty seconds: tests share a machine."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": AWS_ID,
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    async with wire_server() as server:
        provider = make_provider(request.param, server, budgets)
        yield provider
        await provider.model.close()
        assert server.problems == []


def make_provider(speaks: Speaks, server: WireServer, budgets: Budgets, timeout_seconds: float = 20) -> Provider:
    """A model over this protocol's wire."""
    metrics = Metrics()
    model = AskedModel(
        speaks.name,
        speaks.wire(server.url, timeout_seconds),
        budgets=budgets,
        prices=PRICES,
        embedding_prices=PRICES,
        metrics=metrics,
        timeout_seconds=timeout_seconds,
    )
    return Provider(speaks, server, model, metrics)
