"""What an operator types, and what is said to them: in one line where something is wrong."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from learntrac import __version__, cli
from learntrac.kit.http.doors import API
from tests.commands import Learntrac, logs_as_they_were, typed
from tests.conftest import SECRET
from tests.contract.servers import COMMAND, PASSWORD, copied_demo, learntrac_environ, running
from tests.environments import make_trac16
from tests.imports.tiny_track import write_track


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    with logs_as_they_were():
        yield


@pytest.fixture
def learntrac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Learntrac:
    """Runs the command in this process."""
    return typed(monkeypatch, capsys)


@pytest.fixture
def trac(sqlite_template: Path, tmp_path: Path) -> Path:
    """A Trac with the small course."""
    shutil.copytree(sqlite_template, tmp_path / "trac")
    return tmp_path / "trac"


def test_the_version_is_the_packages(learntrac: Learntrac) -> None:
    pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())

    assert learntrac("version").out == f"{__version__}\n" == f"{pyproject['project']['version']}\n"


def test_without_a_command_the_commands_are_listed(learntrac: Learntrac) -> None:
    said = learntrac()

    shown = said.out + said.err
    assert all(name in shown for name in ("demo", "serve", "init", "doctor", "user", "import", "openapi", "version"))


def test_the_openapi_document_is_printed_whatever_the_environment_says(learntrac: Learntrac) -> None:
    said = learntrac("openapi", LEARNTRAC_MAX_BODY_BYTES="nonsense")

    assert orjson.loads(said.out)["openapi"].startswith("3.1")
    assert said.out.startswith('{\n  "components"')


def test_a_dry_run_says_that_it_was_one(learntrac: Learntrac, trac: Path) -> None:
    said = learntrac("init", trac)

    assert said.code == 0
    assert f"Trac environment       {trac} (database version 45)\n" in said.out, "a line stays one line"
    assert "Concepts               6 tickets\n" in said.out
    assert "Run it again with --yes" in said.out
    assert not (trac / "db" / "learntrac.db").exists()


def test_setting_up_twice_is_no_harm(learntrac: Learntrac, trac: Path) -> None:
    first, second = learntrac("init", trac, "--yes"), learntrac("init", trac, "--yes")

    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert "Nothing was written" not in first.out
    assert (trac / "db" / "learntrac.db").exists()
    assert (trac / "conf" / "learntrac.toml").exists()


def test_the_doctor_finds_nothing(learntrac: Learntrac, trac: Path) -> None:
    said = learntrac("doctor", "--trac-env", trac)

    *tiers, summary = said.out.splitlines()
    assert (said.code, summary) == (0, "6 concepts read, no problems found.")
    assert [line.partition(" in ")[0] for line in tiers] == [
        "Sandbox: python",
        "Sandbox: python",
        "Sandbox: javascript",
        "Sandbox: go",
    ]


def test_the_doctor_names_what_is_wrong(learntrac: Learntrac, trac: Path) -> None:
    with sqlite3.connect(trac / "db" / "trac.db") as connection:
        insert = "INSERT OR REPLACE INTO ticket_custom (ticket, name, value) VALUES (?, ?, ?)"
        connection.execute(insert, (6, "prerequisites", "#9999"))
        connection.execute(insert, (1, "prerequisites", "4"))
        connection.execute(insert, (2, "learning_difficulty", "[bold]hard[/] :bug:"))
    connection.close()
    ini = trac / "conf" / "trac.ini"
    ini.write_text(ini.read_text() + "\n[trac]\npermission_policies = VaultPolicy\n")

    said = learntrac("doctor", LEARNTRAC_TRAC_ENV=str(trac))

    warning, *problems, summary = [line for line in said.out.splitlines() if not line.startswith("Sandbox: ")]
    assert said.code == 0
    assert warning.startswith("! trac.ini asks VaultPolicy for permissions")
    assert {line.split(":")[0] for line in problems} >= {"#6", "#2"}
    assert "[bold]hard[/] :bug:" in said.out
    assert len(problems) == 3
    assert summary == "6 concepts read, 4 problems found."


def test_an_account_comes_and_goes(learntrac: Learntrac, trac: Path) -> None:
    where = ("--trac-env", trac)
    added = learntrac("user", "add", "z[o]e", "--role", "student", "--password-stdin", *where, given="long enough\n")
    removed, again = learntrac("user", "remove", "z[o]e", *where), learntrac("user", "remove", "z[o]e", *where)

    assert (added.code, added.out) == (0, "z[o]e may sign in as student.\n")
    assert (removed.code, removed.out) == (0, "z[o]e is removed.\n")
    assert again.problem == "LearnTrac has no account z[o]e of its own."


def test_a_password_may_be_typed(trac: Path) -> None:
    arguments = ["user", "add", "zoe", "--role", "admin", "--trac-env", str(trac)]

    said = CliRunner().invoke(cli.app, arguments, input="long enough\nlong enough\n", env={"LEARNTRAC_TRAC_ENV": None})

    assert said.exit_code == 0
    assert "zoe may sign in as admin." in said.output
    assert "long enough" not in said.output


def test_an_account_that_cannot_be_is_refused_in_one_line(learntrac: Learntrac, trac: Path) -> None:
    def add(name: str, role: str, password: str) -> str:
        where = ("--password-stdin", "--trac-env", trac)
        return learntrac("user", "add", name, "--role", role, *where, given=f"{password}\n").problem

    assert add("zoe", "student", "short") == "The password must have 8 to 1024 characters."
    assert add("alice", "student", "long enough").startswith("Trac has an account alice already")
    assert "'teacher'" in add("zoe", "teacher", "long enough")


@pytest.fixture
def zoe(learntrac: Learntrac, trac: Path) -> tuple[str | Path, ...]:
    """`--trac-env` of a Trac in which LearnTrac holds an account about z[o]e, and nothing else."""
    where = ("--trac-env", trac)
    learntrac("user", "add", "z[o]e", "--role", "student", "--password-stdin", *where, given="long enough\n")
    return where


def test_an_export_goes_to_standard_output_or_into_a_new_file(
    learntrac: Learntrac, zoe: tuple[str | Path, ...], tmp_path: Path
) -> None:
    file = tmp_path / "z[o]e.json"
    printed = learntrac("user", "export", "z[o]e", *zoe)
    written = learntrac("user", "export", "z[o]e", "--out", file, *zoe)
    document = orjson.loads(printed.out)

    assert (printed.code, printed.err) == (0, "")
    assert document["about"]["user"] == "z[o]e"
    assert [row["role"] for row in document["local_account"]["rows"]] == ["student"]
    assert [row["action"] for row in document["audit_log"]["rows"]] == ["account.add", "user.export"]
    assert (written.code, written.out, written.err) == (0, "", f"4 rows about z[o]e are in {file}.\n")
    assert len(orjson.loads(file.read_bytes())["audit_log"]["rows"]) == 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert "File exists" in learntrac("user", "export", "z[o]e", "--out", file, *zoe).problem


def test_an_export_that_fails_leaves_no_file(learntrac: Learntrac, zoe: tuple[str | Path, ...], tmp_path: Path) -> None:
    problem = learntrac("user", "export", "nobody", "--out", tmp_path / "nobody.json", *zoe).problem

    assert problem == "LearnTrac holds nothing about nobody."
    assert not (tmp_path / "nobody.json").exists()


def test_erasing_is_shown_first_and_says_what_trac_keeps(learntrac: Learntrac, zoe: tuple[str | Path, ...]) -> None:
    dry, done, again = (learntrac("user", "erase", "z[o]e", *more, *zoe) for more in ((), ("--yes",), ("--yes",)))

    assert (dry.code, done.code) == (0, 0)
    counts = dict(line.split() for line in dry.out.partition("\n\n")[0].splitlines())
    assert (counts["local_account"], counts["events"]) == ("1", "0")
    assert "Run it again with --yes" in dry.out
    assert dry.out.startswith(done.out.rstrip()), "what is shown is what is done"
    for step in ("htpasswd -D FILE z[o]e", "session delete z[o]e", "permission remove z[o]e '*'"):
        assert step in done.out
    assert again.problem == "LearnTrac holds nothing about z[o]e."


def test_the_audit_log_is_shown_newest_first(learntrac: Learntrac, zoe: tuple[str | Path, ...]) -> None:
    learntrac("user", "erase", "z[o]e", "--yes", *zoe)
    learntrac("user", "add", "yan", "--role", "admin", "--password-stdin", *zoe, given="long enough\n")

    said = learntrac("audit", *zoe)
    newest, erased, _added = (line.split("  ") for line in said.out.splitlines())
    assert newest[1:] == ["cli", "account.add", "yan", '{"role":"admin"}']
    assert erased[1:3] == ["cli", "user.erase"]
    assert erased[3].startswith("erased-")
    assert said.err == "3 of 3 entries.\n"
    assert [line.split("  ")[3] for line in learntrac("audit", "--user", "yan", *zoe).out.splitlines()] == ["yan"]
    (look,) = learntrac("audit", "--limit", "1", *zoe).out.splitlines()
    assert look.split("  ")[1:] == ["cli", "audit.view", "yan"]
    assert learntrac("audit", "--since", "2999-01-01", *zoe).out == ""
    assert learntrac("audit", "--since", "later", *zoe).problem.startswith("--since: must be a time such as")
    assert learntrac("audit", "--user", "", *zoe).problem.startswith("--user: ")


def test_a_track_is_imported_once(learntrac: Learntrac, tmp_path: Path) -> None:
    make_trac16(tmp_path / "trac")
    track = write_track(tmp_path / "knots")
    arguments = ("import", "exercism", track, "--trac-env", tmp_path / "trac", "--author", "ivan")

    first, second = learntrac(*arguments), learntrac(*arguments)

    assert (first.code, second.code) == (0, 0)
    for kind in ("Tickets", "Wiki pages"):
        assert any(line.startswith(f"{kind}: 0 new, 0 changed, ") for line in second.out.splitlines()), second.out
    assert "Tickets: 0 new" not in first.out
    assert "! " in first.out, "what could not be brought is said"


def test_what_was_changed_by_hand_is_left_alone_and_named(learntrac: Learntrac, tmp_path: Path) -> None:
    make_trac16(tmp_path / "trac")
    track = write_track(tmp_path / "knots")
    arguments = ("import", "exercism", track, "--trac-env", tmp_path / "trac")
    learntrac(*arguments)
    with sqlite3.connect(tmp_path / "trac" / "db" / "trac.db") as connection:
        connection.execute("UPDATE ticket SET description = 'By hand.' WHERE id = 1")
    connection.close()
    overhand = track / "concepts" / "overhand" / "introduction.md"
    overhand.write_text(overhand.read_text() + "\nAnother word.\n")

    said = learntrac(*arguments)

    assert said.code == 0
    assert "was changed by hand since the last import and is left alone" in said.out


def test_a_seeded_trac_is_made_when_it_is_meant(learntrac: Learntrac, tmp_path: Path) -> None:
    arguments = ("seed", "--trac-env", tmp_path / "trac", "--concepts", 5, "--learners", 3, "--events", 20)

    dry, there = learntrac(*arguments), (tmp_path / "trac").exists()
    made = learntrac(*arguments, "--yes", LEARNTRAC_DEMO_PASSWORD="seed-password")
    again, other = learntrac(*arguments), learntrac(*arguments, "--seed", 2)

    assert "5 concepts, 3 learners with 20 events (seed 1)" in dry.out
    assert "Nothing was written" in dry.out
    assert not there
    assert "Sign in as learner-1 to learner-3, instructor-1 with the password seed-password" in made.out
    assert again.out == made.out
    assert "seeded with other numbers" in other.problem


def test_invented_learners_come_into_no_trac_that_is_used(learntrac: Learntrac, trac: Path) -> None:
    for arguments in (("--yes",), (), ("--concepts", 0, "--events", 0, "--yes")):
        problem = learntrac("seed", "--trac-env", trac, *arguments).problem
        assert (
            problem
            == f"{trac} was not made by `learntrac seed` and is left alone: name a folder that is not there yet."
        )


def test_a_seeded_trac_without_accounts(learntrac: Learntrac, tmp_path: Path) -> None:
    arguments = ("--concepts", 2, "--learners", 1, "--events", 1, "--sign-ins", 0, "--yes")

    assert "Sign in" not in learntrac("seed", "--trac-env", tmp_path / "trac", *arguments).out


def test_what_is_no_track_is_told_in_one_line(learntrac: Learntrac, trac: Path, tmp_path: Path) -> None:
    assert "config.json" in learntrac("import", "exercism", tmp_path, "--trac-env", trac).problem
    assert "LEARNTRAC_TRAC_ENV" in learntrac("import", "exercism", tmp_path).problem
    track = write_track(tmp_path / "knots")
    nowhere = learntrac("import", "exercism", track, "--trac-env", tmp_path / "nowhere").problem
    assert nowhere == f"No Trac environment found at {tmp_path}/nowhere"


@pytest.mark.parametrize("command", [("serve",), ("doctor",), ("init",), ("user", "remove", "zoe")])
def test_without_a_trac_nothing_starts(learntrac: Learntrac, tmp_path: Path, command: tuple[str, ...]) -> None:
    def on(folder: Path) -> str:
        where = (folder,) if command == ("init",) else ("--trac-env", folder)
        return learntrac(*command, *where, LEARNTRAC_DATABASE_URL="").problem

    assert "nowhere" in on(tmp_path / "nowhere")
    assert "no conf/trac.ini" in on(tmp_path)
    if command != ("init",):
        assert "LEARNTRAC_TRAC_ENV" in learntrac(*command).problem


def test_a_trac_that_is_too_old_or_too_new_is_not_served(learntrac: Learntrac, trac: Path) -> None:
    for version, why in ((29, "older than 1.2"), (43, "half upgraded"), (99, "newer than 1.6")):
        with sqlite3.connect(trac / "db" / "trac.db") as connection:
            connection.execute("UPDATE system SET value = ? WHERE name = 'database_version'", (str(version),))
        connection.close()

        assert why in learntrac("serve", "--trac-env", trac).problem


MALFORMED = {
    "DATABASE_URL": "postgres at home",
    "TRAC_DATABASE_URL": "mysql://at:home@here/trac",
    "REDIS_URL": "redis at home",
    "SECRET_KEY": "too short",
    "DATABASE_CONNECTIONS": "0",
    "ACCESS_TOKEN_SECONDS": "an hour",
    "REFRESH_ROTATION": "perhaps",
    "RATE_LIMIT_PER_HOUR": "0",
    "MAX_BODY_BYTES": "1 MB",
    "DEFAULT_MASTERY_THRESHOLD": "nan",
    "DEFAULT_ESTIMATED_MINUTES": "-1",
    "REPORTED_QUIZ_WEIGHT": "1.1",
    "SYNC_INTERVAL_SECONDS": "0",
    "AUDIT_DAYS": "0",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "LOUD",
    "DEMO_PASSWORD": "short",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_setting_that_is_malformed_is_named_and_not_repeated(learntrac: Learntrac, trac: Path, name: str) -> None:
    value = MALFORMED[name]

    problem = learntrac("serve", "--trac-env", trac, **{f"LEARNTRAC_{name}": value}).problem

    assert problem.startswith(f"LEARNTRAC_{name}: ")
    assert problem.endswith(".")
    assert value not in problem or len(value) < 4


def test_an_empty_setting_is_none(learntrac: Learntrac, trac: Path) -> None:
    said = learntrac("doctor", "--trac-env", trac, **{f"LEARNTRAC_{name}": "" for name in MALFORMED})

    assert said.code == 0


def test_a_port_that_is_taken_is_told_in_one_line(learntrac: Learntrac, trac: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        problem = learntrac("serve", "--trac-env", trac, "--port", str(port)).problem

    assert problem == f"Cannot listen at 127.0.0.1, port {port}: Address already in use."


def test_a_port_that_is_none_is_told_by_the_usage(learntrac: Learntrac, trac: Path) -> None:
    said = learntrac("serve", "--trac-env", trac, "--port", "70000")

    assert said.code == 2
    assert "--port" in said.err


def test_the_demo_takes_no_folder_of_somebody_elses(learntrac: Learntrac, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("Chapter 1")

    assert "is not empty, and no demo" in learntrac("demo", tmp_path, "--no-serve").problem
    assert "thesis.txt" in learntrac("demo", tmp_path / "thesis.txt", "--no-serve").problem


def test_a_demo_that_is_there_is_left_as_it_is(
    learntrac: Learntrac, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    demo = copied_demo(tmp_path_factory, tmp_path / "demo")
    accounts = (demo / "demo-accounts.json").read_bytes()

    said = learntrac("demo", demo, "--no-serve")

    assert (said.code, said.out) == (0, "")
    assert (demo / "demo-accounts.json").read_bytes() == accounts


def test_logs_are_lines_of_json_where_no_terminal_is(learntrac: Learntrac, trac: Path) -> None:
    (trac / "db" / "learntrac.key").write_text("too short")

    for style in ({}, {"LEARNTRAC_LOG_FORMAT": "console"}, {"LEARNTRAC_LOG_FORMAT": "json"}):
        assert "too short" in learntrac("serve", "--trac-env", trac, **style).problem


def run_command(*arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The installed command, in a process of its own."""
    environ = learntrac_environ(**variables)
    return subprocess.run([COMMAND, *arguments], env=environ, capture_output=True, text=True, check=False)


def test_the_installed_command_answers() -> None:
    assert run_command("version").stdout == f"{__version__}\n"
    wrong = run_command("serve", LEARNTRAC_LOG_LEVEL="LOUD")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.count("\n") == 1
    assert wrong.stderr.startswith("learntrac: LEARNTRAC_LOG_LEVEL: ")


def test_without_trac_itself_only_the_demo_and_imports_are_missing(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['trac'] = None; from learntrac.cli import main; sys.argv[0] = 'learntrac'; main()"
    )
    command = [sys.executable, "-c", program, "demo", str(tmp_path / "demo")]

    said = subprocess.run(command, env=learntrac_environ(), capture_output=True, text=True, check=False)

    assert said.returncode == 1
    assert said.stderr == "learntrac: this command needs Trac itself: install learntrac[trac].\n"


def test_the_installed_command_serves_until_sigterm(trac: Path) -> None:
    with running("serve", "--trac-env", trac, LEARNTRAC_SECRET_KEY=SECRET, LEARNTRAC_LOG_LEVEL="ERROR") as address:
        assert httpx.get(f"{address}{API}/health").json()["status"] == "healthy"
        assert httpx.get(f"{address}{API}/concepts").json()["total"] == 6
    assert not (trac / "db" / "learntrac.key").exists()


def test_the_installed_demo_starts_again_with_another_password(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    demo = copied_demo(tmp_path_factory, tmp_path / "demo")

    with running("demo", demo, LEARNTRAC_DEMO_PASSWORD="another-password") as address:
        logins = [
            httpx.post(f"{address}{API}/auth/login", json={"username": "alice", "password": password})
            for password in (PASSWORD, "another-password")
        ]
        page = httpx.get(f"{address}/trac/wiki")

    assert [login.status_code for login in logins] == [401, 200]
    assert page.status_code == 200
