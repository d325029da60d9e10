"""Writing to a Trac through Trac's own API: a new environment, a whole course, a user.

Everything here may run while a mounted Trac serves from the same process: it shares that Trac's environment
object, and so its caches and its connections.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from learntrac.trac.conf_files import add_options, check_username, set_password
from learntrac.trac.course import Course, CourseConcept, Page
from learntrac.trac.course_fields import (
    COURSE_FIELDS,
    check_course,
    fingerprint,
    plain,
    prerequisites_first,
    to_fields,
)
from learntrac.trac.trac16 import (
    Component,
    ConfigurableTicketWorkflow,
    Configuration,
    DetachedSession,
    Environment,
    Milestone,
    PermissionSystem,
    Query,
    Ticket,
    Type,
    Version,
    WikiPage,
    close_log,
    get_thread_id,
    open_environment,
)

COMMENT = "Written by LearnTrac from the course."
INSTRUCTOR = "LEARNTRAC_INSTRUCTOR"

_KEY, _WRITTEN = "learntrac_key", "learntrac_written"
_FIELD_LABELS = {
    "learning_difficulty": "Difficulty (1 to 5)",
    "mastery_threshold": "Mastery threshold (0 to 1)",
    "time_estimate": "Time estimate",
    "prerequisites": "Prerequisites",
    _KEY: "LearnTrac key",
    _WRITTEN: "LearnTrac fingerprint",
}
_FIRST_FIELD_ORDER = 101  # after whatever fields the Trac has

_LEARNERS_LOSE = ("TICKET_CREATE", "TICKET_MODIFY", "WIKI_CREATE", "WIKI_MODIFY")
_INSTRUCTORS_GAIN = (INSTRUCTOR, "TICKET_ADMIN", "MILESTONE_ADMIN", "WIKI_ADMIN")
_FIRST_PAGES = (Page("WikiStart", "= Welcome =\n\n[[TitleIndex]]\n"), Page("TitleIndex", "[[TitleIndex]]\n"))
# Two fields are not for people. Trac has no way to hide a field, but puts its site_head.html into every page.
_NOT_FOR_PEOPLE = [
    f"[{place}]"
    for name in (_KEY, _WRITTEN)
    for place in (f"id=h_{name}", f"headers=h_{name}", f"for=field-{name}", f"id=field-{name}")
]
_SITE_HEAD = f"<style>{', '.join(_NOT_FOR_PEOPLE)} {{display: none}}</style>\n"
_DEFAULT_PAGES = "trac.wiki.admin.wikiadmin"  # the part of Trac that fills a new wiki with its own manual


@dataclass(frozen=True)
class CourseReport:
    """What one writing did: how many tickets and pages of each kind, and the ticket number of every key.

    `kept` (keys) and `pages_kept` (names) were changed by hand in Trac and left as they are.
    """

    created: int
    updated: int
    unchanged: int
    kept: tuple[str, ...]
    pages_created: int
    pages_updated: int
    pages_unchanged: int
    pages_kept: tuple[str, ...]
    ticket_ids: Mapping[str, int]


def create_environment(
    path: Path,
    *,
    name: str,
    database: str = "sqlite:db/trac.db",
    config: Sequence[tuple[str, str, str]] = (),
) -> None:
    """A new Trac 1.6 environment in an absent or empty folder, ready for a course.

    It has Trac's own workflow, ticket types, priorities and reports, LearnTrac's custom fields, a start page
    and an index. It has none of Trac's sample components, milestones and versions, nor its manual of fifty
    pages. Only the group `instructors` may write, where Trac's default is whoever signs in, because a learner
    who can change a ticket can change the course.

    `database` is as in trac.ini; `config` is further (section, option, value) of it. Raises TracError.
    """
    options = [*_new_options(name, database), *config]
    env = Environment(str(path.resolve()), create=True, options=options)
    try:
        with env.db_transaction:
            _furnish(env)
        Path(env.templates_dir, "site_head.html").write_text(_SITE_HEAD, encoding="utf-8")
        env.config.remove("components", _DEFAULT_PAGES)
        env.config.save()
    finally:
        env.shutdown(get_thread_id())
        close_log(env.log)


def _new_options(name: str, database: str) -> list[tuple[str, str, str]]:
    return [
        ("trac", "database", database),
        ("project", "name", name),
        ("header_logo", "src", ""),  # else the name of an image that is not there
        ("metanav", "help", "disabled"),  # else a link to the manual that is not there
        ("components", _DEFAULT_PAGES, "disabled"),
        ("components", "tracopt.perm.config_perm_provider.*", "enabled"),
        ("extra-permissions", "_learntrac", INSTRUCTOR),
        *(("ticket-custom", option, value) for option, value in _field_options(_FIELD_LABELS)),
    ]


def _field_options(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for order, (name, label) in enumerate(_FIELD_LABELS.items(), start=_FIRST_FIELD_ORDER):
        if name in names:
            yield name, "text"
            yield f"{name}.label", label
            yield f"{name}.order", str(order)
            if name == "prerequisites":
                yield f"{name}.format", "wiki"  # so that #3 is a link


def _furnish(env: Any) -> None:
    for sample in [*Component.select(env), *Milestone.select(env), *Version.select(env)]:
        sample.delete()
    rights = PermissionSystem(env)
    for right in _LEARNERS_LOSE:
        rights.revoke_permission("authenticated", right)
    for right in _INSTRUCTORS_GAIN:
        rights.grant_permission("instructors", right)
    for page in _FIRST_PAGES:
        _write_page(env, page, author="learntrac", when=None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    env = open_environment(str(path.resolve()), use_cache=True)
    try:
        yield env
    finally:
        env.shutdown(get_thread_id())  # without the thread it would cut off every request of the process


def write_course(
    path: Path,
    course: Course,
    *,
    author: str,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> CourseReport:
    """Write a course into a Trac, new or long in use, all of it or nothing; a second time changes nothing.

    Tickets: the field `learntrac_key` says which concept a ticket is; `learntrac_written` is a fingerprint of
    what LearnTrac last wrote. A ticket whose course fields no longer match it was changed by hand: it is left
    alone and reported as kept. Comments, status, owner and other fields are never touched.
    Pages: one whose newest version does not carry LearnTrac's comment is someone else's, and kept likewise.
    Milestones, components and ticket types are made where missing, and never changed.
    A concept that is gone from the course keeps its ticket; a ticket deleted in Trac is made anew. No mail is
    sent.

    `progress` is called with (done, total) after every concept and page. Missing custom fields are added to
    trac.ini, which is otherwise left as it is. Raises ValueError for a course that contradicts itself,
    TracError for a folder that is no Trac or needs an upgrade.
    """
    check_course(course)
    _add_missing_fields(path.resolve() / "conf" / "trac.ini")
    with _opened(path) as env, env.db_transaction:
        _make_milestones(env, course, now)
        _make_components(env, course)
        _make(env, Type, {concept.type: {} for concept in course.concepts})
        writing = _Writing(env, course, author=author, now=now, progress=progress)
        tickets = writing.write_concepts()
        pages = writing.write_pages()
    return _report(tickets, pages, writing.ticket_ids)


def _report(tickets: Mapping[str, str], pages: Mapping[str, str], ticket_ids: Mapping[str, int]) -> CourseReport:
    ticket_counts, page_counts = Counter(tickets.values()), Counter(pages.values())
    return CourseReport(
        created=ticket_counts["created"],
        updated=ticket_counts["updated"],
        unchanged=ticket_counts["unchanged"],
        kept=tuple(key for key, outcome in tickets.items() if outcome == "kept"),
        pages_created=page_counts["created"],
        pages_updated=page_counts["updated"],
        pages_unchanged=page_counts["unchanged"],
        pages_kept=tuple(name for name, outcome in pages.items() if outcome == "kept"),
        ticket_ids={key: ticket_ids[key] for key in tickets},
    )


def _add_missing_fields(ini: Path) -> None:
    config = Configuration(str(ini))
    missing = [name for name in _FIELD_LABELS if not config.has_option("ticket-custom", name, defaults=False)]
    if config.exists and missing:
        add_options(ini, "ticket-custom", list(_field_options(missing)))


def _make_milestones(env: Any, course: Course, now: datetime) -> None:
    rows: dict[str, Mapping[str, Any]] = {concept.milestone: {} for concept in course.concepts}
    for milestone in course.milestones:
        days = milestone.due_in_days
        due = None if days is None else now + timedelta(days=days)
        rows[milestone.name] = {"description": milestone.description, "due": due}
    _make(env, Milestone, rows)


def _make_components(env: Any, course: Course) -> None:
    rows: dict[str, Mapping[str, Any]] = {concept.component: {} for concept in course.concepts}
    rows |= {component.name: {"description": component.description} for component in course.components}
    _make(env, Component, rows)


def _make(env: Any, kind: Any, rows: Mapping[str, Mapping[str, Any]]) -> None:
    present = {row.name for row in kind.select(env)} | {""}
    for name, values in rows.items():
        if name not in present:
            row = kind(env)
            for attribute, value in ({"name": name} | dict(values)).items():
                setattr(row, attribute, value)
            row.insert()


class _Writing:
    """One writing of one course: what it works on, and how far it is."""

    def __init__(
        self,
        env: Any,
        course: Course,
        *,
        author: str,
        now: datetime,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._env, self._course, self._author, self._now = env, course, author, now
        self._progress, self._done = progress, 0
        self._first_status = _get_first_status(env)
        self.ticket_ids = _get_ticket_ids(env)

    def write_concepts(self) -> dict[str, str]:
        outcomes, early = {}, []
        for concept in prerequisites_first(self._course.concepts):
            if not self.ticket_ids.keys() >= set(concept.prerequisites):
                early.append(concept)  # only where prerequisites run in a circle
            outcomes[concept.key] = self._write_concept(concept)
            self._step()
        for concept in early:
            self._write_concept(concept)
        return outcomes

    def write_pages(self) -> dict[str, str]:
        outcomes = {}
        for page in self._course.pages:
            outcomes[page.name] = _write_page(self._env, page, author=self._author, when=self._now)
            self._step()
        return outcomes

    def _step(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, len(self._course.concepts) + len(self._course.pages))

    def _write_concept(self, concept: CourseConcept) -> str:
        fields = to_fields(concept, self.ticket_ids)
        if concept.key in self.ticket_ids:
            return self._update(Ticket(self._env, self.ticket_ids[concept.key]), fields)
        ticket = Ticket(self._env)
        _assign(ticket, fields)
        _assign(ticket, {_KEY: concept.key, _WRITTEN: _take_fingerprint(ticket)})
        _assign(ticket, {"status": self._first_status, "reporter": self._author, "owner": ""})
        self.ticket_ids[concept.key] = int(ticket.insert(when=self._now))
        return "created"

    def _update(self, ticket: Any, fields: Mapping[str, str]) -> str:
        before, written = _take_fingerprint(ticket), ticket[_WRITTEN]
        _assign(ticket, fields)
        after = _take_fingerprint(ticket)
        if after == before:
            return "unchanged"
        if before != written:
            return "kept"
        ticket[_WRITTEN] = after
        # Trac cannot hold two changes of one ticket with the same time.
        when = max(self._now, ticket["changetime"] + timedelta(microseconds=1))
        ticket.save_changes(self._author, COMMENT, when)
        return "updated"


def _get_first_status(env: Any) -> str:
    actions = ConfigurableTicketWorkflow(env).actions.values()
    starts = [action for action in actions if None in action["oldstates"]]
    return str(max(starts, key=lambda action: action["default"])["newstate"]) if starts else "new"


def _get_ticket_ids(env: Any) -> dict[str, int]:
    """The ticket of every key; where Trac holds copies, the first."""
    found = Query.from_string(env, f"{_KEY}!=&col=id&col={_KEY}&order=id&desc=1&max=0").execute()
    return {row[_KEY]: int(row["id"]) for row in found}


def _assign(ticket: Any, fields: Mapping[str, str]) -> None:
    for name, text in fields.items():
        if plain(ticket[name]) != plain(text):
            ticket[name] = plain(text)


def _take_fingerprint(ticket: Any) -> str:
    return fingerprint({name: ticket[name] for name in COURSE_FIELDS})


def _write_page(env: Any, page: Page, *, author: str, when: datetime | None) -> str:
    wiki = WikiPage(env, page.name)
    if plain(wiki.text) == plain(page.text):
        return "unchanged"
    if wiki.exists and wiki.comment != COMMENT:
        return "kept"
    outcome = "updated" if wiki.exists else "created"
    wiki.text = plain(page.text)
    wiki.save(author, COMMENT, when)
    return outcome


def add_user(
    path: Path,
    username: str,
    password: str,
    *,
    permissions: Sequence[str] = (),
    email: str = "",
    full_name: str = "",
) -> None:
    """Give a Trac a user who signs in with this password, from the environment's `conf/htpasswd`.

    `permissions` are Trac's actions (`TRAC_ADMIN`) and groups (`instructors`). A user who is there already
    gains the permissions they lack and loses none, keeps the name and address they have, and is given the
    password only if it is another. Raises ValueError for a name that a password file cannot hold and for a
    password over bcrypt's 72 bytes, TracError for an action that Trac does not know.
    """
    check_username(username)
    with _opened(path) as env:
        _grant(PermissionSystem(env), username, permissions)
        _introduce(DetachedSession(env, username), email=email, name=full_name)
    set_password(path.resolve() / "conf" / "htpasswd", username, password)


def _grant(rights: Any, username: str, permissions: Iterable[str]) -> None:
    held = set(rights.get_all_permissions())
    for permission in dict.fromkeys(permissions):
        if (username, permission) not in held:
            # Trac's front door refuses what no component of this Trac declares; the store behind it does not.
            door = rights.store if permission == INSTRUCTOR else rights
            door.grant_permission(username, permission)


def _introduce(session: Any, **attributes: str) -> None:
    for name, value in attributes.items():
        if value and name not in session:
            session[name] = value
    session.save()
