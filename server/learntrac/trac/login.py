"""Where Trac's tables are, and whose login reads them: LearnTrac's own wherever it can be (docs/decisions/0014)."""

import re
from dataclasses import replace
from pathlib import Path

from learntrac.config import Settings
from learntrac.trac.ini import TracDatabaseUrl, TracIni, database_url, parse_database_url

_DRIVER = re.compile(r"^postgres(ql)?(\+\w+)?(?=:)")
_HERE = (None, "localhost", "127.0.0.1", "::1")


def find_login(environment: Path, ini: TracIni, settings: Settings) -> TracDatabaseUrl:
    """Trac's database with the login to read it with: LEARNTRAC_TRAC_DATABASE_URL; else trac.ini's database, with
    the login of LEARNTRAC_DATABASE_URL where that names the same database, and with Trac's own where it does not.

    Raises IniError, and ValueError for a setting that is no such URL.
    """
    if settings.trac_database_url is not None:
        return _parsed(settings.trac_database_url, environment)
    theirs, ours = database_url(ini, environment), _find_own(settings, environment)
    if ours is None or _place(theirs) != _place(ours):
        return theirs
    return replace(ours, schema=theirs.schema)


def _find_own(settings: Settings, environment: Path) -> TracDatabaseUrl | None:
    """LearnTrac's own PostgreSQL where one is set; what is malformed is told by whoever opens it."""
    if settings.database_url is None or not _DRIVER.match(settings.database_url):
        return None
    try:
        return _parsed(settings.database_url, environment)
    except ValueError:
        return None


def _parsed(url: str, environment: Path) -> TracDatabaseUrl:
    return parse_database_url(_DRIVER.sub("postgres", url), environment)


def _place(found: TracDatabaseUrl) -> tuple[object, ...]:
    """What two URLs of one database have in common, however they write this machine's name."""
    here = found.host in _HERE or str(found.host).startswith("/")
    return found.kind, "" if here else found.host, found.port or 5432, found.database
