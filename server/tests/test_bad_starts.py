"""What an operator set wrongly is said in one line that names the setting, at once, and nothing is served."""

import itertools
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg2
import pytest

from tests.commands import Learntrac, Said, logs_as_they_were, typed
from tests.conftest import SECRET
from tests.contract.server_processes import serving_process
from tests.environments import Postgres, find_free_port

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    with logs_as_they_were():
        yield


@pytest.fixture
def trac(sqlite_template: Path, tmp_path: Path) -> Path:
    """A Trac with the small course."""
    return shutil.copytree(sqlite_template, tmp_path / "trac")


class Serve:
    """`learntrac serve` for that Trac, which must not come to serve."""

    def __init__(self, learntrac: Learntrac, trac: Path) -> None:
        self._learntrac, self._trac = learntrac, trac

    def __call__(self, *arguments: str, **variables: str) -> str:
        """The one line that was said, within five seconds, with exit code 1."""
        port = str(find_free_port())
        begun = time.monotonic()
        variables = {"LEARNTRAC_SECRET_KEY": SECRET, "LEARNTRAC_LOG_LEVEL": "ERROR"} | variables
        said: Said = self._learntrac("serve", "--trac-env", self._trac, "--port", port, *arguments, **variables)
        assert time.monotonic() - begun < 5
        assert said.err.count("\n") == 1
        assert "hidden-password" not in said.err
        return said.problem


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trac: Path) -> Serve:
    return Serve(typed(monkeypatch, capsys), trac)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """An empty database: its name."""
    name = f"bad_start_{next(_numbers)}"
    postgres.create_database(name)
    yield name
    postgres.drop_database(name)


def execute(postgres: Postgres, database: str, statement: str) -> None:
    connection = psycopg2.connect(postgres.url(database, "plain"))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_a_database_that_refuses(serve: Serve) -> None:
    url = f"postgresql://learn:hidden-password@127.0.0.1:{find_free_port()}/learn"

    assert serve(LEARNTRAC_DATABASE_URL=url) == (
        f"LEARNTRAC_DATABASE_URL: {url.replace('hidden-password', '***')} cannot be used:"
        " [Errno 111] Connection refused"
    )


def test_a_wrong_password_and_a_database_that_is_not_there(serve: Serve, postgres: Postgres) -> None:
    there = f"127.0.0.1:{postgres.port}"
    wrong = serve(LEARNTRAC_DATABASE_URL=f"postgresql://postgres:hidden-password@{there}/postgres")
    missing = serve(LEARNTRAC_DATABASE_URL=postgres.url("nothing_there", "plain"))

    shown = f"LEARNTRAC_DATABASE_URL: postgresql://postgres:***@{there}"
    assert wrong == f'{shown}/postgres cannot be used: password authentication failed for user "postgres"'
    assert missing == f'{shown}/nothing_there cannot be used: database "nothing_there" does not exist'
    assert postgres.password not in missing


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE learntrac.alembic_version SET version_num = 'x9'", "has revision x9, which this LearnTrac does not"),
        ("DELETE FROM learntrac.alembic_version", "but no alembic_version that says"),
        ("DROP TABLE learntrac.catalog_state", "table catalog_state is missing or not as LearnTrac made it"),
    ],
    ids=["newer", "unversioned", "half made"],
)
def test_a_schema_that_is_not_ours(serve: Serve, postgres: Postgres, database: str, damage: str, said: str) -> None:
    url = postgres.url(database, "plain")
    busy = "Address already in use"
    with socket.create_server(("127.0.0.1", 0)) as taken:  # makes the tables, and then cannot serve
        port = str(taken.getsockname()[1])
        assert busy in serve("--port", port, LEARNTRAC_DATABASE_URL=url)
    execute(postgres, database, damage)

    problem = serve(LEARNTRAC_DATABASE_URL=url)
    assert problem.startswith("LEARNTRAC_DATABASE_URL: postgresql://postgres:***@")
    assert said in problem


def test_a_database_of_tracs_that_is_away(serve: Serve, trac: Path) -> None:
    ini = trac / "conf" / "trac.ini"
    url = f"postgres://trac:hidden-password@127.0.0.1:{find_free_port()}/course"
    ini.write_text(ini.read_text().replace("sqlite:db/trac.db", url))

    assert serve() == (
        f"{trac}: Trac's database cannot be read: it is missing, locked or not reachable."
        " [Errno 111] Connection refused"
    )


class TestManyProcesses:
    @pytest.mark.parametrize("how", ["option", "setting"])
    def test_need_redis_and_postgresql(self, serve: Serve, how: str) -> None:
        arguments, variables = (["--workers", "4"], {}) if how == "option" else ([], {"LEARNTRAC_WORKERS": "4"})

        assert serve(*arguments, **variables) == (
            "4 processes need Redis and PostgreSQL:"
            " set LEARNTRAC_REDIS_URL and LEARNTRAC_DATABASE_URL with a PostgreSQL, or use --workers 1."
        )

    def test_are_told_what_is_missing_only(self, serve: Serve, postgres: Postgres, database: str) -> None:
        redis = f"redis://127.0.0.1:{find_free_port()}/0"
        no_database = serve("--workers", "2", LEARNTRAC_REDIS_URL=redis)
        no_redis = serve("--workers", "2", LEARNTRAC_DATABASE_URL=postgres.url(database, "plain"))

        assert "set LEARNTRAC_DATABASE_URL with a PostgreSQL, or" in no_database
        assert "set LEARNTRAC_REDIS_URL, or" in no_redis

    def test_need_a_redis_that_answers(self, serve: Serve, postgres: Postgres, database: str) -> None:
        redis = f"redis://:hidden-password@127.0.0.1:{find_free_port()}/0"
        problem = serve(
            "--workers", "2", LEARNTRAC_REDIS_URL=redis, LEARNTRAC_DATABASE_URL=postgres.url(database, "plain")
        )

        assert problem.startswith("LEARNTRAC_REDIS_URL: Redis does not answer: ")

    def test_need_a_database_that_answers(self, serve: Serve) -> None:
        away = f"127.0.0.1:{find_free_port()}"
        problem = serve(
            *("--workers", "2"),
            LEARNTRAC_REDIS_URL=f"redis://{away}/0",
            LEARNTRAC_DATABASE_URL=f"postgresql://learn:hidden-password@{away}/learn",
        )

        assert problem.startswith("LEARNTRAC_DATABASE_URL: postgresql://learn:***@")


def test_a_redis_url_that_is_none(serve: Serve) -> None:
    assert serve(LEARNTRAC_REDIS_URL="http://:hidden-password@127.0.0.1").startswith("LEARNTRAC_REDIS_URL: a Redis URL")


def test_a_redis_that_is_away_is_logged_and_all_is_served_without_it(trac: Path, tmp_path: Path) -> None:
    redis = f"redis://:hidden-password@127.0.0.1:{find_free_port()}/0"
    with serving_process(trac, tmp_path / "said", LEARNTRAC_REDIS_URL=redis) as server:
        told = [line for line in server.said.splitlines() if "LEARNTRAC_REDIS_URL" in line]

    assert len(told) == 1
    assert orjson.loads(told[0])["level"] == "warning"
    assert "hidden-password" not in server.said
