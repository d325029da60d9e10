"""Where a benchmark takes place: a scratch Trac with many tickets, on SQLite or on a PostgreSQL of its own."""

import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.seeding import Tables, put_tickets, quiet
from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.db import SCHEMA
from learntrac.seeding.building import seed
from learntrac.seeding.course import LAYERS
from learntrac.seeding.order import SQLITE, Order
from learntrac.trac.author import add_user
from tests.environments import Postgres, make_trac16, postgres_server

LEARNER, PASSWORD = "alice", "alice-password"
INDEX_RESTS_SECONDS = 5
INDEXED_WITHIN_SECONDS = 1800
DATABASES = ("postgresql", "sqlite")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A Trac with `tickets` tickets. `url` is its PostgreSQL database, None where it is on SQLite."""

    folder: Path
    tickets: int
    url: str | None = None

    @property
    def database(self) -> str:
        """Postgresql or sqlite."""
        return "postgresql" if self.url else "sqlite"

    @property
    def learntrac_target(self) -> Path | str:
        """LearnTrac's own database: a file, or the URL of PostgreSQL."""
        return self.url or self.folder / "db" / "learntrac.db"

    @contextmanager
    def trac_tables(self) -> Iterator[Tables]:
        """Trac's own tables, to be written as Trac would."""
        tables = Tables(self.url or self.folder / "db" / "trac.db", schema="trac")
        yield tables
        tables.close()

    @contextmanager
    def learntrac_tables(self) -> Iterator[Tables]:
        """LearnTrac's tables; they are there once a server has started."""
        tables = Tables(self.learntrac_target, schema=SCHEMA)
        yield tables
        tables.close()

    def wait_until_indexed(self) -> None:
        """Return once the tutor's index holds every concept and whatever else there is, and has not grown for a while.
        A new server makes it beside what it is asked, which takes a core for a millisecond or two for each concept.
        Raises RuntimeError after half an hour.
        """
        until, known, since = time.monotonic() + INDEXED_WITHIN_SECONDS, -1, 0.0
        with self.learntrac_tables() as tables:
            while known < self.tickets or time.monotonic() - since < INDEX_RESTS_SECONDS:
                if time.monotonic() > until:
                    raise RuntimeError("the index does not follow")
                time.sleep(0.5)
                (found,) = tables.execute("SELECT count(*) FROM passage_source")[0]
                known, since = found, since if found == known else time.monotonic()
            tables.vacuum()  # PostgreSQL's own would come within a minute, but is off so that it disturbs no turn


class Places:
    """Makes places in one temporary folder, and one PostgreSQL for all of them when the first needs it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._postgres: Postgres | None = None

    def make(self, database: str, tickets: int, layers: int = LAYERS) -> Place:
        """A new Trac with so many tickets, in layers of which each needs those before it, and one learner."""
        name = f"trac_{next(_numbers)}"
        folder = self._folder / name
        url = None
        if database == "sqlite":
            make_trac16(folder)
        else:
            self._postgres = self._postgres or self._stack.enter_context(postgres_server())
            self._postgres.create_database(name)
            make_trac16(folder, self._postgres.url(name, "trac"))
            url = self._postgres.url(name, "plain")
        place = Place(folder, tickets, url)
        add_user(folder, LEARNER, PASSWORD)
        with place.trac_tables() as tables:
            put_tickets(tables, tickets, layers)
        return place

    def seed(self, database: str, order: Order) -> Place:
        """A new Trac as `learntrac seed` makes it, with learners."""
        name = f"trac_{next(_numbers)}"
        folder, url, trac_database = self._folder / name, None, SQLITE
        if database != "sqlite":
            self._postgres = self._postgres or self._stack.enter_context(postgres_server())
            self._postgres.create_database(name)
            trac_database, url = (
                self._postgres.url(name, "trac"),
                self._postgres.url(name, "plain"),
            )
        seed(
            folder,
            order,
            settings=Settings(database_url=None),
            database=trac_database,
            clock=utc_now,
            progress_bar=lambda _label: nullcontext(quiet),
        )
        return Place(folder, order.concepts, url)


@contextmanager
def places() -> Iterator[Places]:
    """Room for places, gone at the end."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="learntrac-bench-"))
        yield Places(Path(folder), stack)
