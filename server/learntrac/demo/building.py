"""Making the demo's Trac: environment, course and accounts, whole or not at all."""

import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from learntrac.demo.history import STUDENTS, WEEKS
from learntrac.demo.reading import read_course
from learntrac.trac import author
from learntrac.trac.course import Page

WRITTEN_BEFORE = timedelta(weeks=WEEKS + 1)
"""The course is older than what its students did with it."""
ACCOUNTS_FILE = "demo-accounts.json"
WORDS = (
    "amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "island", "juniper", "kelp", "lagoon",
    "maple", "nectar", "onyx", "prairie", "quartz", "river", "saffron", "tundra", "umber", "violet", "zephyr",
)  # fmt: skip


START_PAGE = Page(
    "WikiStart",
    """= Welcome =

This Trac is a course: [wiki:ApiCourse how to design, build, secure and run an HTTP API].
Each [query:order=id ticket] is a concept to learn, and the [/roadmap roadmap] shows the stages.

The same course is served by !LearnTrac's API, at `/api/learntrac/v1/docs` of this server. Sign in there with the
account you have here.

== All pages ==
[[TitleIndex]]
""",
)


def is_built(folder: Path) -> bool:
    """Whether a demo was made here before."""
    return (folder / ACCOUNTS_FILE).is_file() and (folder / "conf" / "trac.ini").is_file()


def build(folder: Path, *, now: datetime, on_progress: Callable[[int, int], None]) -> None:
    """Make the environment with the sample course. A folder that is not empty and no demo raises FileExistsError.

    It is made beside its place and moved there at the end, so that an interrupted start leaves nothing half done.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty, and no demo of LearnTrac: choose another folder.")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    # The texts are wrapped for reading in an editor; on the page their lines should flow.
    author.create_environment(part, name="LearnTrac demo", config=[("ticket", "preserve_newlines", "disabled")])
    course = read_course()
    course = replace(course, pages=(*course.pages, START_PAGE))
    author.write_course(part, course, author="ivan", now=now - WRITTEN_BEFORE, progress=on_progress)
    # From here on it is a demo, whose accounts are still to be made.
    _write_private(part / ACCOUNTS_FILE, "{}")
    if folder.exists():
        folder.rmdir()
    part.rename(folder)


def set_accounts(folder: Path, password: str | None) -> dict[str, str]:
    """Make the demo's accounts and return {user: password}: the one given, else those of the last start, else new
    ones.
    """
    file = folder / ACCOUNTS_FILE
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    accounts = {name: password or known.get(name) or _new_password() for name in _PEOPLE}
    if accounts != known:
        for name, (rights, full_name) in _PEOPLE.items():
            author.add_user(
                folder,
                name,
                accounts[name],
                permissions=rights,
                email=f"{name}@example.org",
                full_name=full_name,
            )
        _write_private(file, json.dumps(accounts, indent=1))
    return accounts


_NAMES = {student.user_id: student.full_name for student in STUDENTS}
_PEOPLE: dict[str, tuple[tuple[str, ...], str]] = {
    "admin": (("TRAC_ADMIN",), "Ada Admin"),
    "ivan": (("instructors", "LEARNTRAC_INSTRUCTOR"), "Ivan Horvat"),
    "alice": ((), _NAMES["alice"]),
    "bob": ((), _NAMES["bob"]),
}


def _new_password() -> str:
    return "-".join(secrets.choice(WORDS) for _ in range(3)) + f"-{secrets.randbelow(9000) + 1000}"


def _write_private(file: Path, content: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(content)
