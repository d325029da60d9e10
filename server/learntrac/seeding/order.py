"""What is to be seeded, and what an environment says that was: read before anything is written."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from learntrac.config import Settings
from learntrac.trac.environment import EnvironmentProblem
from learntrac.trac.ini import IniError, TracDatabaseUrl, TracIni, database_url

MARKER = "learntrac-seed.json"
"""In the environment's `conf`: what `seed` made there. Whatever has none was made by somebody else."""
INSTRUCTOR = "instructor-1"
SQLITE = "sqlite:db/trac.db"
MOST_CONCEPTS = 2_000_000
MOST_EVENTS_A_LEARNER = 10_000


@dataclass(frozen=True)
class Order:
    """What is to be seeded. Learners 1 to `sign_ins` get an account to sign in with, and so does one instructor."""

    concepts: int
    learners: int
    events: int
    seed: int = 1
    sign_ins: int = 10

    def shown(self) -> str:
        """In words, for an operator."""
        return f"{self.concepts:,} concepts, {self.learners:,} learners with {self.events:,} events (seed {self.seed})"


@dataclass(frozen=True)
class Seeded:
    """What a seeded environment says of itself: the order, the day up to which was learned, the one password."""

    order: Order
    day: str
    password: str

    def names(self) -> str:
        """Who can sign in."""
        last = min(self.order.sign_ins, self.order.learners)
        return ", ".join([*([f"learner-1 to learner-{last}"] if last else []), INSTRUCTOR])

    def written(self) -> str:
        """As the marker holds it."""
        return json.dumps(asdict(self), indent=1)


def find_seeded(folder: Path, order: Order) -> Seeded | None:
    """What `seed` made in this folder before by the same order; None where there is nothing yet.

    Raises EnvironmentProblem where somebody else put something there, or the order was another: neither is written to.
    """
    marker = folder / "conf" / MARKER
    if marker.is_file():
        known = json.loads(marker.read_text())
        seeded = Seeded(Order(**known.pop("order")), **known)
        if seeded.order == order:
            return seeded
        raise EnvironmentProblem(f"{folder} was seeded with other numbers: name another folder, or remove it.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EnvironmentProblem(
            f"{folder} was not made by `learntrac seed` and is left alone: name a folder that is not there yet."
        )
    return None


def check(order: Order, settings: Settings) -> None:
    """Raise ValueError for an order that cannot be, and EnvironmentProblem where the settings would lead the invented
    learners into another database.
    """
    if order.events and not (order.concepts and order.learners):
        raise ValueError("Events need concepts and learners.")
    if order.concepts > MOST_CONCEPTS:
        raise ValueError(f"There can be at most {MOST_CONCEPTS:,} concepts.")
    if order.events > order.learners * MOST_EVENTS_A_LEARNER:
        raise ValueError(f"There can be at most {MOST_EVENTS_A_LEARNER:,} events for each learner.")
    if settings.database_url is not None:
        raise EnvironmentProblem(
            "LEARNTRAC_DATABASE_URL is set: invented learners do not belong there. Unset it for `learntrac seed`."
        )


def read_database(database: str, environment: Path) -> TracDatabaseUrl:
    """Trac's database, from the text that will stand in trac.ini. Raises EnvironmentProblem."""
    if database != SQLITE and not database.startswith("postgres:"):
        raise EnvironmentProblem("--trac-database is Trac's URL: postgres://user:password@host/database?schema=trac.")
    ini = TracIni(environment / "conf" / "trac.ini", {"trac": {"database": database}}, {})
    try:
        return database_url(ini, environment)
    except IniError:
        raise EnvironmentProblem(
            "--trac-database is not as Trac writes it: postgres://user:password@host/database?schema=trac."
        ) from None


def plain_url(found: TracDatabaseUrl) -> str:
    """How psycopg reaches a PostgreSQL."""
    parts = {
        "user": found.user,
        "password": found.password,
        "host": found.host,
        "port": found.port,
        "dbname": found.database,
    }
    return make_conninfo("", **{name: value for name, value in parts.items() if value is not None})
