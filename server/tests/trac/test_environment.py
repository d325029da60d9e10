"""An environment that cannot be served says why in one sentence; one that is served outlives what happens to Trac."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from learntrac.config import Settings
from learntrac.kit.errors import Unavailable
from learntrac.trac.environment import EnvironmentProblem, TracEnvironment, open_environment
from tests.concepts.trac_edits import by_sql, shows, titles
from tests.conftest import Api, Clock, TracCopy, eventually, make_settings, serving
from tests.environments import Postgres

MAPPING = '[mapping]\ndifficulty = "effort"\n'


@pytest.fixture
def folder(sqlite_template: Path, tmp_path: Path) -> Path:
    """A Trac of one's own on SQLite, for what does not depend on the database."""
    return Path(shutil.copytree(sqlite_template, tmp_path / "trac"))


async def opened(folder: Path, **changes: object) -> TracEnvironment:
    return await open_environment(folder, make_settings(folder, **changes), secret=b"x" * 32)


async def problem_of(folder: Path, settings: Settings | None = None) -> str:
    with pytest.raises(EnvironmentProblem) as refused:
        await open_environment(folder, settings or make_settings(folder), secret=b"x" * 32)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}\n" if file.exists() else text)


def point_to(folder: Path, database: str) -> None:
    TracCopy(folder).set_option("trac", "database", database)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "there is no such folder"),
    "no trac.ini": (lambda trac: (trac / "conf/trac.ini").unlink(), "it has no conf/trac.ini"),
    "broken trac.ini": (lambda trac: append(trac / "conf/trac.ini", "nonsense"), "neither a section"),
    "no database file": (lambda trac: (trac / "db/trac.db").unlink(), "there is no database file"),
    "not a database": (lambda trac: (trac / "db/trac.db").write_text("x" * 9999), "file is not a database"),
    "an empty database": (lambda trac: (trac / "db/trac.db").write_text(""), "it is not a Trac's"),
    "MySQL": (lambda trac: point_to(trac, "mysql://a:secret@b/c"), "LearnTrac supports no other kind"),
    "a mapping that is none": (lambda trac: append(trac / "conf/learntrac.toml", "x"), "learntrac.toml: is not TOML"),
    "no text": (lambda trac: (trac / "conf/learntrac.toml").write_bytes(b"\xff"), "learntrac.toml: 'utf-8' codec"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_an_environment_that_is_not_whole(folder: Path, what: str) -> None:
    damage, expected = BROKEN[what]
    damage(folder)

    sentence = await problem_of(folder)
    assert expected in sentence
    assert str(folder) in sentence
    assert "secret" not in sentence


OTHER_VERSIONS = {
    "29": "older than 1.2 (its database has version 29). Upgrade Trac first.",
    "46": "newer than 1.6 (its database has version 46).",
    "43": "half upgraded (version 43, between two releases)",
    "none": "older than 1.2 (its database has version 0)",
    None: "older than 1.2 (its database has version 0)",
}


async def test_a_trac_of_another_version(trac_copy: TracCopy) -> None:
    for version, expected in OTHER_VERSIONS.items():
        trac_copy.execute("DELETE FROM system WHERE name = 'database_version'")
        if version is not None:
            trac_copy.execute("INSERT INTO system (name, value) VALUES ('database_version', ?)", version)
        assert expected in await problem_of(trac_copy.folder)

    trac_copy.execute("INSERT INTO system (name, value) VALUES ('database_version', '41')")
    await (await opened(trac_copy.folder)).close()

    # A table that is missing, and one of another shape.
    trac_copy.execute("DROP TABLE ticket_change")
    trac_copy.execute("ALTER TABLE ticket_custom RENAME COLUMN value TO content")

    assert "half upgraded (no usable table ticket_custom, ticket_change)" in await problem_of(trac_copy.folder)


async def test_a_locked_database_stops_the_start_within_ten_seconds(folder: Path) -> None:
    lock = sqlite3.connect(folder / "db" / "trac.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    assert "missing, locked or not reachable. database is locked" in await problem_of(folder)
    assert time.monotonic() - begun < 10
    lock.close()


@pytest.mark.parametrize("part", ["password", "database", "port", "host", "user"])
async def test_a_postgresql_that_is_not_reached(folder: Path, postgres: Postgres, part: str) -> None:
    right = {
        "user": "postgres",
        "password": postgres.password,
        "host": "127.0.0.1",
        "port": str(postgres.port),
        "database": "postgres",
    }
    wrong = {"user": "nobody", "password": "wr0ngsecret", "host": "no.such.invalid", "port": "1", "database": "nowhere"}
    url = "postgres://{user}:{password}@{host}:{port}/{database}?schema=trac"
    point_to(folder, url.format_map(right | {part: wrong[part]}))

    sentence = await problem_of(folder)
    assert "Trac's database cannot be read: it is missing, locked or not reachable." in sentence
    assert "wr0ngsecret" not in sentence
    assert postgres.password not in sentence
    assert "<class" not in sentence


async def test_a_postgresql_without_a_trac(folder: Path, postgres: Postgres) -> None:
    point_to(folder, postgres.url("postgres", "trac"))

    assert "it is not a Trac's" in await problem_of(folder)


async def test_an_unknown_permission_policy_hides_everything_until_it_is_ignored(trac_copy: TracCopy) -> None:
    trac_copy.set_option("trac", "permission_policies", "SecretPolicy, DefaultPermissionPolicy")
    async with serving(trac_copy) as api:
        answer = await api.anybody.get("/concepts")
        assert answer.error == (503, "SERVICE_UNAVAILABLE")
        assert "SecretPolicy" in answer["error"]["message"]
        assert (await api.anybody.get("/concepts/1")).status == 503
        assert (await (await api.sign_in("alice")).post("/concepts/1/start", {})).status == 503
        assert "SecretPolicy" in (await api.anybody.get("/status"))["checks"]["trac"]["detail"]
    async with serving(trac_copy, ignored_policies=("SecretPolicy",)) as api:
        assert len(await titles(api)) == 6


async def test_settings_are_followed_each_file_for_itself(trac_copy: TracCopy) -> None:
    """A mapping that cannot be read must not keep a permission policy from taking effect."""
    conf = trac_copy.folder / "conf"
    authz = conf / "authz.conf"
    authz.write_text("[ticket:1]\nanonymous =\n")
    async with serving(trac_copy) as api:
        await by_sql(trac_copy, "INSERT INTO ticket_custom (ticket, name, value) VALUES (6, 'effort', '1.5')")
        (conf / "learntrac.toml").write_text(MAPPING)
        await eventually(lambda: shows(api, 6, difficulty=1.5))
        (conf / "learntrac.toml").write_text("[mapping")
        trac_copy.set_option("trac", "permission_policies", "AuthzPolicy, DefaultPermissionPolicy")
        trac_copy.set_option("authz_policy", "authz_file", str(authz))

        async def hidden() -> bool:
            return "HTTP messages" not in await titles(api)

        await eventually(hidden)
        assert await shows(api, 6, difficulty=1.5)
        assert "learntrac.toml" in (await api.anybody.get("/status"))["checks"]["trac"]["detail"]

        trac_ini = conf / "trac.ini"
        whole = trac_ini.read_text()
        trac_ini.write_text("nonsense")
        (conf / "learntrac.toml").unlink()
        await eventually(lambda: shows(api, 6, difficulty=5.0))
        assert await hidden()
        trac_ini.write_text(whole)
        await eventually(lambda: healthy(api))


async def state(api: Api) -> str:
    return str((await api.anybody.get("/status"))["services"]["trac"])


async def healthy(api: Api) -> bool:
    return await state(api) == "healthy"


async def test_a_trac_that_is_moved_away_leaves_its_concepts(
    trac_copy: TracCopy, postgres: Postgres, tmp_path: Path
) -> None:
    (trac_copy.folder / "conf" / "learntrac.toml").write_text(MAPPING)
    async with serving(trac_copy, database_url=f"sqlite:///{tmp_path}/learntrac.db") as api:
        await by_sql(trac_copy, "INSERT INTO ticket_custom (ticket, name, value) VALUES (6, 'effort', '1.5')")
        await eventually(lambda: shows(api, 6, difficulty=1.5))
        away = trac_copy.folder.with_name("away")
        trac_copy.folder.rename(away)
        await asyncio.sleep(0.3)

        assert await shows(api, 6, difficulty=1.5)
        found = (await api.anybody.get("/status")).body
        assert (found["status"], found["services"]["trac"]) == ("degraded", "unavailable")
        away.rename(trac_copy.folder)
        await eventually(lambda: healthy(api))
        await by_sql(trac_copy, "UPDATE ticket SET summary = 'Back' WHERE id = 6")
        await eventually(lambda: shows(api, 6, title="Back"))


async def test_a_postgresql_that_comes_back(postgres: Postgres, postgres_template: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(postgres_template, tmp_path / "trac"))
    postgres.create_database("comes_back", template="template_trac")
    ini = folder / "conf" / "trac.ini"
    ini.write_text(ini.read_text().replace("/template_trac?", "/comes_back?"))
    trac = TracCopy(folder, postgres.url("comes_back", "plain"))
    async with serving(trac, database_url=f"sqlite:///{tmp_path}/learntrac.db") as api:
        postgres.drop_database("comes_back")

        async def unavailable() -> bool:
            return await state(api) == "unavailable"

        await eventually(unavailable)
        assert len(await titles(api)) == 6
        postgres.create_database("comes_back", template="template_trac")
        await by_sql(trac, "UPDATE ticket SET summary = 'Back' WHERE id = 6")
        await eventually(lambda: shows(api, 6, title="Back"))
    postgres.drop_database("comes_back")


async def test_permissions_are_kept_for_five_seconds(folder: Path) -> None:
    environment = await opened(folder)
    TracCopy(folder).execute("DELETE FROM permission")
    await environment.refresh_permissions()
    assert environment.permissions().may_view(None, 1)

    environment._permissions_due = 0
    await environment.refresh_permissions()
    assert not environment.permissions().may_view(None, 1)
    assert environment.roles("admin") == ("student",)
    await environment.close()


async def test_nothing_is_guessed_before_the_permissions_are_read(folder: Path) -> None:
    environment = await opened(folder)
    environment._permissions = None

    with pytest.raises(Unavailable):
        environment.permissions()
    assert environment.roles("admin") == ("student",)
    assert environment.permission_problems() == ()
    await environment.close()


async def test_where_passwords_are(folder: Path, tmp_path: Path) -> None:
    environment = await opened(folder)
    assert environment.sign_in_problems() == ()
    assert environment.field_remark("learning_difficulty") == ""
    assert "no such field" in environment.field_remark("stage")
    await environment.close()

    (folder / "conf" / "htpasswd").rename(tmp_path / "htpasswd")
    environment = await opened(folder)
    assert any("LEARNTRAC_HTPASSWD_FILE" in problem for problem in environment.sign_in_problems())
    await environment.close()

    environment = await opened(folder, htpasswd_file=tmp_path / "htpasswd")
    assert environment.sign_in_problems() == ()
    assert environment.is_there()
    await environment.close()


async def test_the_clock_of_a_test_may_stand_anywhere(folder: Path) -> None:
    """A catalog that is first read with a clock far behind still follows Trac."""
    behind = Clock()
    behind.forward(days=-10_000)
    async with serving(TracCopy(folder), clock=behind) as api:
        await by_sql(api.trac, "UPDATE ticket SET summary = 'Now' WHERE id = 1")
        await eventually(lambda: shows(api, 1, title="Now"))
