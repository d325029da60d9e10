"""What `init`, `doctor` and `user` do, on both databases."""

from pathlib import Path

import psycopg2
import pytest

from learntrac.operations import add_user, diagnose, initialise, remove_user
from learntrac.trac.environment import EnvironmentProblem
from tests.conftest import Api, TracCopy, make_settings, serving


def ignore(_done: int, _total: int) -> None:
    """Nobody watches."""


def everything(trac: TracCopy) -> dict[str, object]:
    """All that looking must not change: the folder's files with their contents and times, and the schemas."""
    files: dict[str, object] = {
        str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in trac.folder.rglob("*") if file.is_file()
    }
    if trac.plain_url is None:
        return files
    connection = psycopg2.connect(trac.plain_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2")
        tables = cursor.fetchall()
    connection.close()
    return files | {"tables": tables, "tickets": trac.execute("SELECT id, changetime FROM ticket ORDER BY id")}


async def test_a_dry_run_tells_what_is_found_and_writes_nothing(trac_copy: TracCopy) -> None:
    before = everything(trac_copy)

    plan = await initialise(make_settings(trac_copy.folder, secret_key=None), write=False, on_progress=ignore)

    assert everything(trac_copy) == before
    assert not plan.written
    assert plan.types == {"task": 3, "bug": 1, "enhancement": 1, "feature": 1}
    assert plan.sources == {"prerequisites": 4}
    shown = dict(plan.lines())
    assert shown["Concepts"] == "6 tickets"
    assert shown["Prerequisites"] == "4"
    assert shown["Mapping"].endswith("conf/learntrac.toml (to be made)")
    assert shown["LearnTrac's database"].endswith(" (to be made)")
    assert shown["  difficulty"] == "learning_difficulty"
    assert shown["To look at"] == "nothing"
    if trac_copy.plain_url:
        assert ":***@" in shown["LearnTrac's database"], "the password is nobody's business"


async def test_setting_up_twice_is_setting_up_once(trac_copy: TracCopy) -> None:
    settings = make_settings(trac_copy.folder, secret_key=None)
    mapping, key = trac_copy.folder / "conf" / "learntrac.toml", trac_copy.folder / "db" / "learntrac.key"

    first = await initialise(settings, write=True, on_progress=ignore)
    mapping.write_text(mapping.read_text() + "# by hand\n")
    made = mapping.read_text(), key.read_text()
    second = await initialise(settings, write=True, on_progress=ignore)

    assert (mapping.read_text(), key.read_text()) == made
    assert list(first.lines()) == list(second.lines())
    assert "(to be made)" not in str(dict(second.lines()))
    async with serving(trac_copy, secret_key=None) as api:
        assert (await api.anybody.get("/concepts"))["total"] == 6


async def test_a_field_that_trac_does_not_have_is_remarked(trac_copy: TracCopy) -> None:
    (trac_copy.folder / "conf" / "learntrac.toml").write_text('[mapping]\ndifficulty = "hardness"\n')

    plan = await initialise(make_settings(trac_copy.folder), write=False, on_progress=ignore)

    assert plan.fields["difficulty"].startswith("hardness (Trac has no such field")
    assert plan.fields["estimated time"] == "time_estimate"


def spoil(trac: TracCopy) -> None:
    """Give tickets fields that cannot be read as they were meant."""

    def write(ticket: int, name: str, value: str) -> None:
        trac.execute("DELETE FROM ticket_custom WHERE ticket = ? AND name = ?", ticket, name)
        trac.execute("INSERT INTO ticket_custom (ticket, name, value) VALUES (?, ?, ?)", ticket, name, value)

    write(6, "prerequisites", "#9999, 1")
    write(1, "prerequisites", "4")
    write(2, "learning_difficulty", "[bold]hard[/] :bug:")
    write(3, "time_estimate", "soon")
    write(5, "mastery_threshold", "very good")


async def test_the_doctor_names_the_tickets_and_writes_nothing(trac_copy: TracCopy) -> None:
    spoil(trac_copy)
    before = everything(trac_copy)

    diagnosis = await diagnose(make_settings(trac_copy.folder, secret_key=None), on_progress=ignore)

    assert everything(trac_copy) == before
    assert (diagnosis.concepts, diagnosis.warnings) == (6, ())
    found = {problem.ticket: problem.message for problem in diagnosis.problems}
    assert len(diagnosis.problems) == len(found) == 5
    assert "#9999" in found[6]
    assert "is no ticket" in found[6]
    assert "[bold]hard[/] :bug:" in found[2]
    assert "soon" in found[3]
    assert "very good" in found[5]
    (cycle,) = [message for message in found.values() if "would close a cycle" in message]
    assert "prerequisites" in cycle


async def test_a_healthy_trac_needs_no_doctor(trac_copy: TracCopy) -> None:
    diagnosis = await diagnose(make_settings(trac_copy.folder), on_progress=ignore)

    assert (diagnosis.concepts, diagnosis.warnings, diagnosis.problems) == (6, (), [])


async def test_the_doctor_warns_of_what_concerns_everybody(trac_copy: TracCopy) -> None:
    trac_copy.set_option("trac", "permission_policies", "VaultPolicy, DefaultPermissionPolicy")
    (trac_copy.folder / "conf" / "htpasswd").unlink()

    diagnosis = await diagnose(make_settings(trac_copy.folder), on_progress=ignore)

    policy, passwords = diagnosis.warnings
    assert "VaultPolicy" in policy
    assert "LEARNTRAC_IGNORED_POLICIES" in policy
    assert "LEARNTRAC_HTPASSWD_FILE" in passwords


async def status_of_login(api: Api, name: str, password: str) -> int:
    return (await api.anybody.post("/auth/login", {"username": name, "password": password})).status


async def test_an_account_of_learntracs_own_comes_changes_and_goes(trac_copy: TracCopy) -> None:
    settings = make_settings(trac_copy.folder)
    await add_user(settings, name="Zoë Müller", role="instructor", password="zoes password")
    async with serving(trac_copy) as api:
        login = await api.anybody.post("/auth/login", {"username": "Zoë Müller", "password": "zoes password"})
        assert login["user"]["roles"] == ["student", "instructor"]

        await add_user(settings, name="Zoë Müller", role="student", password="another one")
        assert await status_of_login(api, "Zoë Müller", "zoes password") == 401
        assert await status_of_login(api, "Zoë Müller", "another one") == 200

        assert await remove_user(settings, name="Zoë Müller")
        assert await status_of_login(api, "Zoë Müller", "another one") == 401
        refreshed = await api.anybody.post("/auth/refresh", {"refresh_token": login["refresh_token"]})
        assert refreshed.error == (401, "AUTHENTICATION_ERROR")
    assert not await remove_user(settings, name="Zoë Müller")


async def test_an_account_that_cannot_be_is_refused(trac_copy: TracCopy) -> None:
    settings = make_settings(trac_copy.folder)
    for name, role, password, why in (
        ("alice", "student", "long enough", "Trac has an account alice already"),
        ("zoe", "student", "short", "8 to 1024"),
        ("zoe", "student", "x" * 1025, "8 to 1024"),
        ("zoe", "teacher", "long enough", "student, instructor, admin"),
        ("", "student", "long enough", "1 to 255"),
        ("z" * 256, "student", "long enough", "1 to 255"),
        ("z\noe", "student", "long enough", "printable"),
    ):
        with pytest.raises(ValueError, match=why):
            await add_user(settings, name=name, role=role, password=password)


async def test_without_a_trac_nothing_can_be_done(tmp_path: Path) -> None:
    nowhere = make_settings(tmp_path, trac_env=None)
    for work in (
        initialise(nowhere, write=False, on_progress=ignore),
        diagnose(nowhere, on_progress=ignore),
        add_user(nowhere, name="zoe", role="student", password="long enough"),
        remove_user(nowhere, name="zoe"),
    ):
        with pytest.raises(EnvironmentProblem, match="LEARNTRAC_TRAC_ENV"):
            await work
