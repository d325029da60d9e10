"""procrastinate's own tables and functions, from the files of the installed package, and how far they were applied.

What was applied last is written at its table of jobs as a comment, so that a later package is upgraded to from there.
"""

from pathlib import Path
from typing import Any

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

_APPLIED = text("SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')")
_REMOVE = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' AND relnamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP TABLE %I CASCADE', found.relname); END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
    LOOP EXECUTE format('DROP FUNCTION %s CASCADE', found.name); END LOOP;
    FOR found IN SELECT typname FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%'
            AND typnamespace = current_schema()::regnamespace AND typtype IN ('c', 'e')
    LOOP EXECUTE format('DROP TYPE %I CASCADE', found.typname); END LOOP;
END $$
"""


def migration_files() -> list[Path]:
    """The package's migrations in their order."""
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def install(connection: Connection) -> None:
    """Make everything, as the installed package has it."""
    run_script(connection, SchemaManager.get_schema())
    note_applied(connection, migration_files()[-1].name)


def upgrade(connection: Connection) -> None:
    """Apply the migrations of the installed package that came after those applied."""
    applied = connection.execute(_APPLIED).scalar_one()
    for file in migration_files():
        if file.name > applied:
            run_script(connection, file.read_text(encoding="utf-8"))
            note_applied(connection, file.name)


def remove(connection: Connection) -> None:
    """Take everything of procrastinate out of the schema."""
    run_script(connection, _REMOVE)


def note_applied(connection: Connection, name: str) -> None:
    """Write down the last file whose content is there."""
    run_script(connection, f"COMMENT ON TABLE procrastinate_jobs IS '{name}'")


def run_script(connection: Connection, script: str) -> None:
    """Several statements at once, which SQLAlchemy's prepared statements cannot be."""
    driver: Any = connection.connection.dbapi_connection
    driver.run_async(lambda raw: raw.execute(script))
