"""A database that Trac and LearnTrac share, each with a role of its own, as deploy/postgresql/roles.sql sets it up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from tests.contract.servers import ROOT
from tests.environments import PROGRAMS, Postgres

SCRIPT = ROOT / "deploy" / "postgresql" / "roles.sql"
TRACS, LEARNTRACS = "tracs-password", "learntracs-password"


def plain_environ(**variables: str) -> dict[str, str]:
    """The environment without what would lead PostgreSQL's programs elsewhere, and with these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | variables


@dataclass(frozen=True)
class SharedDatabase:
    """One database, and the names of the two roles in it."""

    postgres: Postgres
    name: str
    trac: str
    learntrac: str
    schema: str

    @property
    def in_trac_ini(self) -> str:
        """The database as Trac's settings name it."""
        where = "" if self.schema == "public" else f"?schema={self.schema}"
        return f"postgres://{self.trac}:{TRACS}@127.0.0.1:{self.postgres.port}/{self.name}{where}"

    @property
    def url(self) -> str:
        """The database with LearnTrac's role, for LEARNTRAC_DATABASE_URL."""
        return f"postgresql://{self.learntrac}:{LEARNTRACS}@127.0.0.1:{self.postgres.port}/{self.name}"

    def set_roles(self) -> "subprocess.CompletedProcess[str]":
        """Run roles.sql as an operator would, giving every name."""
        names = {"trac_role": self.trac, "trac_schema": self.schema, "learntrac_role": self.learntrac}
        given = [f"--set={name}={value}" for name, value in names.items()]
        where = ["-d", self.postgres.url(self.name, "plain"), "-f", str(SCRIPT)]
        command = [str(PROGRAMS / "psql"), "-X", *given, *where]
        environ = plain_environ(ROLE_PASSWORD=LEARNTRACS)
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)

    def make_bare_role(self) -> None:
        """LearnTrac's role as somebody makes it who does not know roles.sql; its schema is gone."""
        self.as_superuser("DROP SCHEMA IF EXISTS learntrac CASCADE")
        if self.as_superuser(f"SELECT 1 FROM pg_roles WHERE rolname = '{self.learntrac}'"):
            self.as_superuser(f"DROP OWNED BY {self.learntrac}")
            self.as_superuser(f"DROP ROLE {self.learntrac}")
        self.as_superuser(f"CREATE ROLE {self.learntrac} LOGIN PASSWORD '{LEARNTRACS}'")

    def as_trac(self, sql: str) -> list[Any]:
        """Run a statement as Trac's role, in Trac's schema."""
        return self._execute(sql, self.trac, TRACS)

    def as_learntrac(self, sql: str) -> list[Any]:
        """Run a statement as LearnTrac's role, in Trac's schema."""
        return self._execute(sql, self.learntrac, LEARNTRACS)

    def as_superuser(self, sql: str) -> list[Any]:
        """Run a statement as whoever runs the server."""
        return self._execute(sql, "postgres", self.postgres.password)

    def _execute(self, sql: str, user: str, password: str) -> list[Any]:
        place = {"host": "127.0.0.1", "port": self.postgres.port, "dbname": self.name}
        options = f"-c search_path={self.schema} -c lock_timeout=2000"
        with closing(psycopg2.connect(user=user, password=password, options=options, **place)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []


@contextmanager
def shared_database(
    postgres: Postgres,
    name: str,
    *,
    schema: str,
    template: str | None = None,
    roles: tuple[str, str] | None = None,
) -> Iterator[SharedDatabase]:
    """A database as one finds it where a Trac is: Trac's role is there, LearnTrac's is not. Everybody may make tables
    in `public`, as in PostgreSQL 14 and older. It is empty, or has the tables of a template's schema `trac`. The roles
    are named after the database, or as given.
    """
    shared = SharedDatabase(postgres, name, *(roles or (f"{name}_trac", f"{name}_learntrac")), schema)
    postgres.create_database(name, template)
    shared.as_superuser(f"CREATE ROLE {shared.trac} LOGIN PASSWORD '{TRACS}'")
    shared.as_superuser("GRANT CREATE ON SCHEMA public TO PUBLIC")
    shared.as_superuser(f"ALTER DATABASE {name} OWNER TO {shared.trac}")
    if template and schema != "public":
        shared.as_superuser(f"CREATE SCHEMA {schema} AUTHORIZATION {shared.trac}")
    for (table,) in shared.as_superuser("SELECT tablename FROM pg_tables WHERE schemaname = 'trac'"):
        shared.as_superuser(f"ALTER TABLE trac.{table} OWNER TO {shared.trac}")
        shared.as_superuser(f"ALTER TABLE trac.{table} SET SCHEMA {schema}")
    yield shared
    postgres.drop_database(name)
    for role in (shared.trac, shared.learntrac):
        postgres._run("DROP ROLE IF EXISTS {}", role)
