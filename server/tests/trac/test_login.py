"""Whose login reads Trac's tables: LearnTrac's own wherever both are in one database."""

from pathlib import Path
from typing import Any

import pytest

from learntrac.config import Settings
from learntrac.trac.ini import TracDatabaseUrl, read_ini
from learntrac.trac.login import find_login

THEIRS = "postgres://trac:tracs@localhost/trac?schema=forge"
OURS = "postgresql://learntrac:ours@127.0.0.1:5432/trac"


def login(folder: Path, in_ini: str = THEIRS, **settings: Any) -> TracDatabaseUrl:
    conf = folder / "conf"
    conf.mkdir()
    (conf / "trac.ini").write_text(f"[trac]\ndatabase = {in_ini}\n")
    return find_login(folder, read_ini(folder), Settings(**settings))


def test_without_a_setting_it_is_tracs_own(tmp_path: Path) -> None:
    found = login(tmp_path)

    assert (found.user, found.database, found.schema) == ("trac", "trac", "forge")


@pytest.mark.parametrize(
    "url",
    [
        OURS,
        "postgres://learntrac:ours@localhost/trac",
        "postgresql+asyncpg://learntrac:ours@localhost:5432/trac",
        "postgresql://learntrac:ours@/trac?host=/run/postgresql",
    ],
    ids=["address", "name", "driver", "socket"],
)
def test_in_one_database_it_is_learntracs(tmp_path: Path, url: str) -> None:
    found = login(tmp_path, database_url=url)

    assert (found.user, found.password, found.database, found.schema) == ("learntrac", "ours", "trac", "forge")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://learntrac:ours@127.0.0.1:5433/trac",
        "postgresql://learntrac:ours@127.0.0.1/learntrac",
        "postgresql://learntrac:ours@db.example.org/trac",
        "postgresql://learntrac:ours@127.0.0.1:port/trac",
        "sqlite:////srv/learntrac.db",
    ],
    ids=["port", "database", "host", "malformed", "sqlite"],
)
def test_beside_another_database_it_is_tracs_own(tmp_path: Path, url: str) -> None:
    assert login(tmp_path, database_url=url).user == "trac"


def test_a_trac_on_sqlite_has_no_login(tmp_path: Path) -> None:
    found = login(tmp_path, "sqlite:db/trac.db", database_url=OURS)

    assert (found.kind, found.path, found.user) == ("sqlite", tmp_path / "db" / "trac.db", None)


def test_what_is_set_for_trac_stands_for_trac_inis_line(tmp_path: Path) -> None:
    url = "postgresql://reader:only@db:6432/forge?schema=tables"
    found = login(tmp_path, database_url=OURS, trac_database_url=url)

    assert (found.user, found.password, found.host, found.port) == ("reader", "only", "db", 6432)
    assert (found.database, found.schema) == ("forge", "tables")


def test_what_is_set_for_trac_has_to_be_a_database_that_learntrac_reads(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither sqlite nor postgres"):
        login(tmp_path, trac_database_url="mysql://a:secret@b/c")
