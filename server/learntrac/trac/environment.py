"""An existing Trac environment, opened for reading: what has to be right before LearnTrac serves it, and what may
change since.

Settings, mapping and permissions are snapshots that `refresh` renews; while Trac is away the last ones stay.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import make_url

from learntrac.config import Settings
from learntrac.kit.away import cause_of
from learntrac.kit.errors import Unavailable
from learntrac.kit.logs import get_logger
from learntrac.trac.credentials import Credentials, Store, stores_from_files, stores_from_ini
from learntrac.trac.ini import (
    IniError,
    TracDatabaseUrl,
    TracIni,
    custom_fields,
    permission_settings,
    read_ini,
)
from learntrac.trac.login import find_login
from learntrac.trac.mapping import Mapping, read_mapping
from learntrac.trac.permissions import Permissions, PermissionSettings
from learntrac.trac.source import TracSource

OLDEST, NEWEST = 41, 45
"""Trac's database_version from 1.2 to 1.6."""
PERMISSIONS_KEPT_SECONDS = 5.0
"""As long as Trac itself keeps them."""
MAPPING_FILE = "learntrac.toml"

_log = get_logger("learntrac.trac")
_Known = TypeVar("_Known")


class EnvironmentProblem(Exception):
    """Why this environment cannot be served, in one sentence that says what to do."""


@dataclass(frozen=True)
class _MappingFile:
    mapping: Mapping
    state: tuple[int, int] | None


@dataclass(frozen=True)
class _Snapshot:
    ini: TracIni
    mapping_file: _MappingFile


class TracEnvironment:
    """One Trac: its settings, its database, its permissions. Made by `open_environment`."""

    def __init__(self, path: Path, settings: Settings, snapshot: _Snapshot, source: TracSource, secret: bytes) -> None:
        self.path, self.source = path, source
        self._settings, self._snapshot, self._secret = settings, snapshot, secret
        self._permissions: Permissions | None = None
        self._rows: list[tuple[str, str]] = []
        self._rows_for: PermissionSettings | None = None
        self._permissions_due = 0.0
        self._file_problems: list[str] = []
        self.credentials = self._make_credentials()

    @property
    def ini(self) -> TracIni:
        """trac.ini as it was last read."""
        return self._snapshot.ini

    def mapping(self) -> Mapping:
        """The mapping as it is now: an edit of its file or of trac.ini takes effect at once."""
        self._refresh_files()
        return self._snapshot.mapping_file.mapping

    def permissions(self) -> Permissions:
        """Who may do what. Raises Unavailable while that cannot be told: LearnTrac does not guess."""
        if self._permissions is None:
            raise Unavailable("Trac's permissions have not been read yet.", retry_after_seconds=2)
        if self._permissions.unknown_policies:
            raise Unavailable(self._permissions.problems[0])
        return self._permissions

    def roles(self, user_id: str) -> tuple[str, ...]:
        """The roles that Trac's permission table gives a user; policies about tickets have no say in them."""
        return self._permissions.roles(user_id) if self._permissions else ("student",)

    def permission_problems(self) -> tuple[str, ...]:
        """What an operator should know of the permissions: unknown policies, a broken authz file, and settings that
        do not count because they cannot be read.
        """
        return (*(self._permissions.problems if self._permissions else ()), *self._file_problems)

    def sign_in_problems(self) -> tuple[str, ...]:
        """What an operator should know of the password stores: those that are not used, or that there is none."""
        if not self._has_stores:
            return (
                *self._store_problems,
                "No password store is known: name one with LEARNTRAC_HTPASSWD_FILE.",
            )
        return self._store_problems

    def field_remark(self, name: str) -> str:
        """Empty for a custom field that Trac has, else a remark that it has none."""
        return "" if name in custom_fields(self.ini) else " (Trac has no such field: the default counts)"

    async def refresh_permissions(self) -> None:
        """Read the permissions anew where five seconds are over or trac.ini changed. Raises Unavailable."""
        self._refresh_files()
        wanted = permission_settings(self.ini)
        if time.monotonic() < self._permissions_due and wanted == self._rows_for:
            return
        rows = await self.source.permissions()
        if rows != self._rows or wanted != self._rows_for or self._permissions is None:
            self._permissions = Permissions.build(rows, wanted, ignored_policies=self._settings.ignored_policies)
            self._rows, self._rows_for = rows, wanted
        self._permissions_due = time.monotonic() + PERMISSIONS_KEPT_SECONDS

    async def keep_permissions(self) -> None:
        """Renew the permissions every second where due, until cancelled."""
        while True:
            try:
                await self.refresh_permissions()
            except Exception as error:  # noqa: BLE001 - the last snapshot stays in force, whatever Trac does
                _log.debug("permissions could not be read", error=str(error))
            await asyncio.sleep(1)

    def is_there(self) -> bool:
        """Whether the environment's folder and settings can still be read."""
        return (self.path / "conf" / "trac.ini").is_file()

    async def close(self) -> None:
        """Close the connections to Trac's database."""
        await self.source.close()

    def _refresh_files(self) -> None:
        """Read what changed, each file for itself: a broken one must not keep the other from taking effect."""
        known, problems = self._snapshot, list[str]()
        ini, mapping_file = known.ini, known.mapping_file
        if ini.changed():
            ini = _renewed(ini, lambda: _read_settings(self.path), problems)
        if mapping_file.state != _file_state(self.path / "conf" / MAPPING_FILE):
            mapping_file = _renewed(mapping_file, lambda: _read_mapping_file(self.path, self._settings), problems)
        self._snapshot = _Snapshot(ini, mapping_file)
        if ini is not known.ini:
            self.credentials = self._make_credentials()
        if problems and problems != self._file_problems:
            _log.warning("settings cannot be read; what they were still counts", problems=problems)
        self._file_problems = problems

    def _make_credentials(self) -> Credentials:
        configured = stores_from_ini(self.ini.get, self.path)
        stores: list[Store] = [*configured.stores, *self._stores_from_files(bool(configured.stores))]
        self._store_problems, self._has_stores = configured.problems, bool(stores)
        decoy_key = hmac.digest(self._secret, b"decoy", "sha256")
        return Credentials(stores, ignore_case=configured.ignore_case, decoy_key=decoy_key)

    def _stores_from_files(self, found_others: bool) -> tuple[Store, ...]:  # noqa: FBT001 - private, one caller
        settings = self._settings
        htpasswd, htdigest = settings.htpasswd_file, settings.htdigest_file
        usual = self.path / "conf" / "htpasswd"
        if htpasswd is None and htdigest is None and not found_others and usual.is_file():
            htpasswd = usual
        return stores_from_files(htpasswd, htdigest, settings.htdigest_realm)


async def open_environment(path: Path, settings: Settings, *, secret: bytes) -> TracEnvironment:
    """Open the Trac environment in this folder. Raises EnvironmentProblem where it cannot be served, and says why."""
    snapshot = _Snapshot(_read_settings(path), _read_mapping_file(path, settings))
    source = _source(path, snapshot.ini, settings)
    try:
        await _check_database(path, source)
        environment = TracEnvironment(path, settings, snapshot, source, secret)
        await environment.refresh_permissions()
    except Unavailable as error:
        await source.close()
        what = f"it is missing, locked or not reachable. {cause_of(error)}".strip()
        raise EnvironmentProblem(f"{path}: Trac's database cannot be read: {what}") from error
    except EnvironmentProblem:
        await source.close()
        raise
    return environment


def trac_database(path: Path, ini: TracIni, settings: Settings) -> TracDatabaseUrl:
    """Where Trac's tables are, and the login that reads them. Raises EnvironmentProblem."""
    try:
        return find_login(path, ini, settings)
    except IniError as error:
        raise EnvironmentProblem(str(error)) from error
    except ValueError:
        # Not a word of the URL itself: there is a password in it.
        raise EnvironmentProblem(
            "LEARNTRAC_TRAC_DATABASE_URL: it must be sqlite:path/to/file or "
            "postgres://user:password@host/database?schema=name."
        ) from None


def _source(path: Path, ini: TracIni, settings: Settings) -> TracSource:
    found = trac_database(path, ini, settings)
    if found.kind == "sqlite" and not (found.path and found.path.is_file()):
        raise EnvironmentProblem(f"{path}: there is no database file {found.path}.")
    return TracSource(make_url(found.async_url()), schema=found.schema)


async def _check_database(path: Path, source: TracSource) -> None:
    lacking = await source.find_lacking_grants()
    if lacking is not None:
        raise EnvironmentProblem(f"{path}: {lacking} Run deploy/postgresql/roles.sql.")
    missing = await source.find_missing()
    try:
        version = await source.version()
    except (LookupError, ValueError):
        version = 0
    except Unavailable:
        raise
    except Exception as error:
        raise EnvironmentProblem(f"{path}: the database has no table `system`: it is not a Trac's.") from error
    if version < OLDEST:
        raise EnvironmentProblem(
            f"{path}: this Trac is older than 1.2 (its database has version {version}). Upgrade Trac first."
        )
    if version > NEWEST:
        raise EnvironmentProblem(f"{path}: this Trac is newer than 1.6 (its database has version {version}).")
    if missing or version not in (OLDEST, NEWEST):
        what = f"no usable table {', '.join(missing)}" if missing else f"version {version}, between two releases"
        raise EnvironmentProblem(f"{path}: the database is half upgraded ({what}). Run `trac-admin {path} upgrade`.")


def _renewed(known: _Known, read: Callable[[], _Known], problems: list[str]) -> _Known:
    """What a file says now; where it cannot be used, perhaps half-written, what it said before."""
    try:
        return read()
    except EnvironmentProblem as problem:
        problems.append(str(problem))
        return known


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise EnvironmentProblem(f"{path}: there is no such folder.")
    if not (path / "conf" / "trac.ini").is_file():
        raise EnvironmentProblem(f"{path}: this is no Trac environment: it has no conf/trac.ini.")


def _read_settings(path: Path) -> TracIni:
    _check_folder(path)
    try:
        return read_ini(path)
    except IniError as error:
        raise EnvironmentProblem(str(error)) from error


def _read_mapping_file(path: Path, settings: Settings) -> _MappingFile:
    _check_folder(path)
    file = path / "conf" / MAPPING_FILE
    state = _file_state(file)
    try:
        mapping = read_mapping(
            file.read_text(encoding="utf-8") if state else "",
            default_mastery_threshold=settings.default_mastery_threshold,
            default_estimated_minutes=settings.default_estimated_minutes,
        )
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(f"{file}: {error}") from error
    return _MappingFile(mapping, state)


def _file_state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
