"""trac.ini as Trac reads it, and what LearnTrac needs to know from it.

The files that `[inherit] file` names are merged, the nearer one winning. Sections are case-sensitive, options
are not. A file that is missing or broken is an error, never taken as empty: what hides tickets may be in it.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from sqlalchemy import URL

from learntrac.trac.configfile import LineError, parse_trac_ini
from learntrac.trac.permissions import AUTHZ_POLICY, DEFAULT_POLICIES, TABLE_STORE, PermissionSettings

TRAC_DEFAULTS: Mapping[tuple[str, str], str] = {
    ("trac", "database"): "sqlite:db/trac.db",
    ("trac", "permission_policies"): ", ".join(DEFAULT_POLICIES),
    ("trac", "permission_store"): TABLE_STORE,
}
"""Trac's own values of the options that LearnTrac reads, where trac.ini has none."""

FileState = tuple[int, int, int] | None
"""Modification time in nanoseconds, size in bytes and inode; None: no such file."""


class IniError(Exception):
    """trac.ini, or a file it names, cannot be used. The message is one sentence that names the file."""


@dataclass(frozen=True)
class TracIni:
    """A snapshot of the settings, made with `read_ini`.

    `path` is trac.ini itself. `sections` are merged, options in lower case, Trac's defaults filled in.
    `states` are the files as they were when read. `authz_text` is the authz file's text when AuthzPolicy is
    on and the file can be read, else None.
    """

    path: Path
    sections: Mapping[str, Mapping[str, str]] = field(repr=False)  # the database's password is in them
    states: Mapping[Path, FileState]
    authz_text: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that were read, trac.ini first."""
        return tuple(path for path, state in self.states.items() if state is not None)

    def changed(self) -> bool:
        """Whether a file has changed or gone since it was read, or a missing authz file has appeared."""
        return any(_state(path) != state for path, state in self.states.items())

    def options(self, section: str) -> dict[str, str]:
        """A section's options in the files' order; empty when there is no such section."""
        return dict(self.sections.get(section, {}))

    def get(self, section: str, option: str, default: str = "") -> str:
        """An option's text, which may be empty; the default when it is nowhere set."""
        return self.sections.get(section, {}).get(option.lower(), default)

    def get_bool(self, section: str, option: str, *, default: bool = False) -> bool:
        """True for yes, true, enabled, on and any number but 0; the default when nowhere set; else False."""
        text = self.sections.get(section, {}).get(option.lower())
        return default if text is None else as_bool(text)

    def get_list(self, section: str, option: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """The items between commas without blanks around them; empty ones are left out."""
        text = self.sections.get(section, {}).get(option.lower())
        return tuple(default) if text is None else _items(text)

    def find_path(self, section: str, option: str) -> Path | None:
        """A file's path, relative ones counted from trac.ini's folder; None when it is empty or not set."""
        text = self.get(section, option)
        return self.path.parent / text if text else None

    def component_enabled(self, name: str) -> bool:
        """Whether `[components]` switches on a component of this full name (`trac.web.auth.LoginModule`).

        The longest rule that fits decides; without any, Trac's core is on and all else is off.
        """
        rules = {rule.rstrip(".*").lower(): as_bool(text) for rule, text in self.options("components").items()}
        parts = name.lower().split(".")
        names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((rules[each] for each in names if each in rules), parts[0] == "trac")


def read_ini(environment: Path) -> TracIni:
    """The settings of a Trac environment, from its `conf/trac.ini`. Raises IniError."""
    path = environment / "conf" / "trac.ini"
    sections: dict[str, dict[str, str]] = {}
    states: dict[Path, FileState] = {}
    _merge(path, sections, states, seen=set())
    for (section, option), value in TRAC_DEFAULTS.items():
        sections.setdefault(section, {}).setdefault(option, value)
    return _with_authz_file(TracIni(path, sections, states))


def permission_settings(ini: TracIni) -> PermissionSettings:
    """What `Permissions.build` needs from the settings."""
    provider = "tracopt.perm.config_perm_provider.ExtraPermissionsProvider"
    return PermissionSettings(
        policies=ini.get_list("trac", "permission_policies"),
        extra_permissions=ini.options("extra-permissions") if ini.component_enabled(provider) else {},
        authz_text=ini.authz_text,
        store=ini.get("trac", "permission_store"),
    )


@dataclass(frozen=True)
class TracDatabaseUrl:
    """Where Trac's database is: `path` for SQLite, the other parts for PostgreSQL.

    None leaves a part to the client's default. A `host` with a slash in front is the folder of a Unix socket.
    """

    kind: Literal["sqlite", "postgresql"]
    path: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    database: str | None = None
    schema: str = "public"

    def async_url(self) -> str:
        """The URL for SQLAlchemy's async engine, password included. The schema is not in it."""
        if self.kind == "sqlite":
            return _shown(URL.create("sqlite+aiosqlite", database=str(self.path)))
        url = URL.create("postgresql+asyncpg", self.user, self.password, database=self.database)
        if self.host is None or not self.host.startswith("/"):
            return _shown(url.set(host=self.host, port=self.port))
        # The port goes where the host goes: asyncpg takes a port alone for a host without a name.
        return _shown(url.set(query={"host": self.host} | ({"port": str(self.port)} if self.port else {})))


def database_url(ini: TracIni, environment: Path) -> TracDatabaseUrl:
    """Trac's database, read from `[trac] database` as Trac reads it. Raises IniError."""
    try:
        return parse_database_url(ini.get("trac", "database"), environment)
    except ValueError:
        # Neither the value nor the cause is shown: a password may be in them.
        raise IniError(
            f"{ini.path}: [trac] database is neither `sqlite:path/to/file` nor "
            "`postgres://user:password@host/database`; LearnTrac supports no other kind, MySQL included."
        ) from None


def parse_database_url(url: str, environment: Path) -> TracDatabaseUrl:
    """A database URL as Trac reads it. Raises ValueError for a kind that LearnTrac does not support."""
    scheme, _colon, rest = url.partition(":")
    try:
        return _READERS[scheme](rest, environment)
    except KeyError:
        raise ValueError("neither sqlite nor postgres") from None


@dataclass(frozen=True)
class CustomField:
    """A custom field of tickets. `default` is the value of a ticket that has no row for it."""

    name: str
    type: str
    label: str
    default: str


# Names that Trac ignores, and those of the ticket table's own fields.
_TAKEN_NAMES = re.compile(
    "report|order|desc|group|groupdesc|col|row|format|max|page|verbose|comment|or|id|time|changetime|owner|"
    "reporter|cc|summary|description|keywords|type|status|priority|milestone|component|version|severity|resolution"
)
_WITH_CHOICES = ("select", "radio")


def custom_fields(ini: TracIni) -> dict[str, CustomField]:
    """The custom ticket fields of `[ticket-custom]` by name, in the order that Trac shows them."""
    options = ini.options("ticket-custom")
    names = (name for name in options if _is_field(name, options))
    in_order = sorted(names, key=lambda name: (_order(name, options), name))
    return {name: _custom_field(name, options) for name in in_order}


def as_bool(text: str) -> bool:
    """Trac's reading of a switch: yes, true, enabled, on and numbers but 0 are True, all else is False."""
    try:
        return bool(float(text))
    except ValueError:
        return text.strip().lower() in ("yes", "true", "enabled", "on")


def _merge(path: Path, sections: dict[str, dict[str, str]], states: dict[Path, FileState], *, seen: set[str]) -> None:
    text, states[path] = _read(path)
    if os.path.realpath(path) in seen:
        return
    seen.add(os.path.realpath(path))
    try:
        parser = parse_trac_ini(text)
    except LineError as error:
        raise IniError(f"{path}, {error}") from error
    for section in parser.sections():
        options = sections.setdefault(section, {})
        for option in parser.options(section):
            options.setdefault(option, parser.get(section, option))
    for name in _items(parser.get("inherit", "file", fallback="")):
        _merge(path.parent / name, sections, states, seen=seen)


def _with_authz_file(ini: TracIni) -> TracIni:
    path = ini.find_path("authz_policy", "authz_file")
    if path is None or AUTHZ_POLICY not in ini.get_list("trac", "permission_policies"):
        return ini
    try:
        text, state = _read(path)
    except IniError:
        # Trac then refuses everything that asks this policy, and so does Permissions: nothing else need fail.
        text, state = None, _state(path)
    return replace(ini, authz_text=text, states={**ini.states, path: state})


def _read(path: Path) -> tuple[str, FileState]:
    try:
        # Before the content: a change that comes in between is then seen as one.
        state = _state(path)
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IniError(f"{path}, line {line}: this is not UTF-8.") from error
    except (OSError, ValueError) as error:
        raise IniError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n"), state


def _state(path: Path) -> FileState:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _items(text: str) -> tuple[str, ...]:
    return tuple(item for item in map(str.strip, text.split(",")) if item)


def _sqlite(rest: str, environment: Path) -> TracDatabaseUrl:
    authority, path, _params = _address_parts(rest)
    if authority or path in ("", ":memory:"):
        raise ValueError(rest)
    return TracDatabaseUrl("sqlite", path=(environment / path).absolute())


def _postgres(rest: str, _environment: Path) -> TracDatabaseUrl:
    authority, path, params = _address_parts(rest)
    if not path.startswith("/"):
        raise ValueError(rest)
    credentials, _at, server = authority.partition("@") if "@" in authority else ("", "", authority)
    user, _colon, password = credentials.partition(":")
    host, colon, port = server.partition(":")
    return TracDatabaseUrl(
        "postgresql",
        user=unquote(user) or None,
        password=unquote(password) or None,
        host=params.get("host", host) or None,
        port=(int(port) or None) if colon else None,
        database=path[1:] or None,
        schema=params.get("schema", "public"),
    )


_READERS = {"sqlite": _sqlite, "postgres": _postgres}


def _address_parts(rest: str) -> tuple[str, str, dict[str, str]]:
    """What follows a database's `scheme:`, cut where Trac cuts it: authority, path and parameters.

    Raises ValueError when a parameter has no equals sign.
    """
    authority, path = "", rest
    if rest.startswith("//"):
        authority, _slash, path = rest[2:].partition("/")
        path = f"/{path}"
    path, mark, query = path.partition("?")
    pairs = [pair.split("=", 1) for pair in query.split("&")] if mark else []
    return authority, path, {name: unquote(value) for name, value in pairs}


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _is_field(name: str, options: Mapping[str, str]) -> bool:
    if _TAKEN_NAMES.fullmatch(name) or not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]+", name):
        return False
    return options[name] not in _WITH_CHOICES or bool(options.get(f"{name}.options"))


def _order(name: str, options: Mapping[str, str]) -> int:
    try:
        return int(options.get(f"{name}.order") or 0)
    except ValueError:
        return 0


def _custom_field(name: str, options: Mapping[str, str]) -> CustomField:
    label = options.get(f"{name}.label") or name.replace("_", " ").strip().capitalize()
    return CustomField(name, options[name], label, _default(name, options))


def _default(name: str, options: Mapping[str, str]) -> str:
    value = options.get(f"{name}.value", "")
    if options[name] == "checkbox":
        return "1" if as_bool(value) else "0"
    choices = _choices(options[f"{name}.options"]) if options[name] in _WITH_CHOICES else []
    if not value or not choices or value in choices:
        return value
    try:
        return choices[int(value)]
    except (ValueError, IndexError):
        return value


def _choices(text: str) -> list[str]:
    choices = [choice.strip() for choice in text.split("|")]
    # An empty choice means that the field may stay empty; Trac takes out the first alone.
    if "" in choices:
        choices.remove("")
    return choices
