"""Where Trac's database is: read from `[trac] database` as Trac 1.6 reads it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from learntrac.trac.ini import IniError, TracDatabaseUrl, TracIni, database_url
from tests.trac.real_trac import TracError, parse_connection_uri


def database(text: str) -> TracDatabaseUrl:
    return database_url(TracIni(Path("/env/conf/trac.ini"), {"trac": {"database": text}}, {}), Path("/env"))


class TestDatabase:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("sqlite:db/trac.db", "/env/db/trac.db"),
            ("sqlite:db/trac.db?timeout=10&journal_mode=wal", "/env/db/trac.db"),
            ("sqlite:/var/trac.db", "/var/trac.db"),
            ("sqlite:///var/trac.db", "/var/trac.db"),
        ],
    )
    def test_sqlite(self, text: str, path: str) -> None:
        assert database(text) == TracDatabaseUrl("sqlite", path=Path(path))

    def test_a_relative_environment_gives_an_absolute_path(self) -> None:
        ini = TracIni(Path("trac.ini"), {"trac": {"database": "sqlite:db/trac.db"}}, {})

        assert database_url(ini, Path("env")).path == Path.cwd() / "env" / "db" / "trac.db"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("postgres://u:p@host:5433/trac", {"user": "u", "password": "p", "host": "host", "port": 5433}),
            ("postgres://u%40x:p%3A%2F%40@host/trac", {"user": "u@x", "password": "p:/@", "host": "host"}),
            ("postgres://u:p?w@host/trac", {"user": "u", "password": "p?w", "host": "host"}),
            ("postgres://host/trac?schema=my%20course", {"host": "host", "schema": "my course"}),
            ("postgres://u@/trac?host=/var/run/pg", {"user": "u", "host": "/var/run/pg"}),
            ("postgres://u@:5433/trac?host=%2Frun", {"user": "u", "host": "/run", "port": 5433}),
            ("postgres:///trac", {}),
            ("postgres:/trac", {}),
        ],
    )
    def test_postgresql(self, text: str, expected: dict[str, Any]) -> None:
        assert database(text) == TracDatabaseUrl("postgresql", database="trac", **expected)

    def test_a_database_without_a_name_is_left_to_the_client(self) -> None:
        assert database("postgres://u@host").database is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "trac.db",
            "mysql://u:secret@host/trac",
            "postgresql://u:secret@host/trac",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://host/secret",
            "sqlite:x.db?secret",
            "postgres:secret",
            "postgres://u:secret@host:port/x",
        ],
    )
    def test_anything_else_is_refused_without_showing_it(self, text: str) -> None:
        with pytest.raises(IniError, match=r"^/env/conf/trac\.ini: \[trac\] database is neither") as raised:
            database(text)
        assert "secret" not in str(raised.value)
        assert raised.value.__suppress_context__

    def test_the_password_is_not_shown(self) -> None:
        assert "secret" not in repr(database("postgres://u:secret@host/trac"))

    def test_the_url_of_a_file(self) -> None:
        url = make_url(database("sqlite:/data/a b#c%20d.db").async_url())

        assert (url.drivername, url.database) == ("sqlite+aiosqlite", "/data/a b#c%20d.db")

    @given(
        user=st.none() | st.text(min_size=1),
        database=st.none() | st.text(min_size=1),
        host=st.sampled_from([None, "db.example", "/run/my pg"]),
        port=st.none() | st.integers(1, 65535),
    )
    def test_the_url_holds_every_part(
        self, user: str | None, database: str | None, host: str | None, port: int | None
    ) -> None:
        parts = TracDatabaseUrl(
            "postgresql", user=user, password=user and f"{user}:@/?", host=host, port=port, database=database
        )
        dialect: Any = PGDialect_asyncpg
        _args, connect = dialect().create_connect_args(make_url(parts.async_url()))

        wanted = {"user": user, "password": parts.password, "host": host, "port": port, "database": database}
        assert {name: value for name, value in wanted.items() if value} == connect


addresses = st.lists(
    st.sampled_from(["/", "//", "u", ":", "p%40", "@", "host", "5432", "db", "?", "schema=s", "&", "host=%2Frun", "x"]),
    max_size=9,
).map("".join)


def postgres_as_trac(wanted: dict[str, Any]) -> TracDatabaseUrl:
    params = wanted.get("params", {})
    return TracDatabaseUrl(
        "postgresql",
        user=wanted.get("user"),
        password=str(wanted["password"]) if "password" in wanted else None,
        host=params.get("host", wanted.get("host")) or None,
        port=wanted.get("port"),
        database=wanted["path"][1:] or None,
        schema=params.get("schema", "public"),
    )


@given(addresses)
@example("//u:p@host:5432/db?schema=s&host=%2Frun")
@settings(max_examples=300)
def test_cuts_an_address_of_postgresql_where_trac_cuts_it(address: str) -> None:
    try:
        _scheme, wanted = parse_connection_uri(f"postgres:{address}")
    except TracError:
        with pytest.raises(IniError):
            database(f"postgres:{address}")
        return
    assert database(f"postgres:{address}") == postgres_as_trac(wanted)


@given(addresses.filter(lambda address: not address.startswith("//") or address.startswith("///")))
@settings(max_examples=300)
def test_cuts_an_address_of_sqlite_where_trac_cuts_it(address: str) -> None:
    try:
        _scheme, wanted = parse_connection_uri(f"sqlite:{address}")
    except TracError:
        wanted = {}
    if wanted.get("path"):
        assert database(f"sqlite:{address}") == TracDatabaseUrl("sqlite", path=Path("/env") / wanted["path"])
    else:
        with pytest.raises(IniError):
            database(f"sqlite:{address}")
