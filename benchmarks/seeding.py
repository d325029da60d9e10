"""What benchmarks write by SQL into databases that they made for themselves. The inventing is `learntrac seed`'s."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta

from learntrac.accounts.tokens import Tokens
from learntrac.kit.clock import to_micros, utc_now
from learntrac.mastery.model import Known, Status
from learntrac.mastery.rows import standing_values
from learntrac.mastery.steps import Where
from learntrac.seeding import building
from learntrac.seeding.bulk import Tables
from learntrac.seeding.course import (
    COMPONENTS,
    LAYERS,
    MILESTONES,
    WRITTEN_FROM,
    InventedCourse,
)
from learntrac.seeding.learning import COLUMNS

__all__ = [
    "COMPONENTS",
    "MILESTONES",
    "Tables",
    "edit_ticket",
    "put_alternatives",
    "put_sign_ins",
    "put_standings",
    "put_tickets",
]

SEED = 7
BEGUN = WRITTEN_FROM
_SESSION = ("id", "user_id", "refresh_digest", "created_at", "used_at")


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


def put_tickets(trac: Tables, count: int, layers: int = LAYERS) -> None:
    """Tickets 1 to `count` of an invented course, with their custom fields, components and milestones."""
    building.put_tickets(trac, InventedCourse(count, SEED, layers), quiet)


def put_alternatives(learntrac: Tables, count: int) -> None:
    """Every tenth concept may stand for the one after it."""
    columns = (
        "source_concept",
        "target_concept",
        "kind",
        "weight",
        "is_bidirectional",
        "notes",
        "created_by",
    )
    rows = ((one, one + 1, "alternative_to", 0.8, False, "", "ivan", BEGUN) for one in range(1, count, 10))
    learntrac.fill("relationship", (*columns, "created_at"), rows)
    learntrac.execute("UPDATE catalog_state SET generation = generation + 1")
    learntrac.commit()
    learntrac.vacuum()


def put_standings(learntrac: Tables, user_id: str, *, concepts: int, count: int = 300) -> None:
    """Standings of one learner with `count` of the concepts: mastered, practicing and learning."""
    choice = random.Random(SEED)
    numbers = sorted(choice.sample(range(1, concepts + 1), k=min(count, concepts)))
    rows = []
    for number in numbers:
        status: Status = choice.choice(("mastered", "mastered", "practicing", "learning"))
        ended = BEGUN if status != "learning" else None
        mastered = BEGUN if status == "mastered" else None
        known = Known(score=0.5, answers=2, threshold=0.8, mastered_at=mastered)
        values = standing_values(Where(user_id, number, status, known, BEGUN, ended)) | {"updated_at": BEGUN}
        rows.append(tuple(values[name] for name in COLUMNS["standing"]))
    learntrac.fill("standing", COLUMNS["standing"], rows)
    learntrac.vacuum()


def put_sign_ins(learntrac: Tables, key: bytes, user_ids: Sequence[str]) -> list[str]:
    """Sign these users in without their passwords, as only somebody with the secret key can: their access tokens."""
    now, tokens = (
        utc_now(),
        Tokens(key, lifetime_seconds=int(timedelta(days=1).total_seconds())),
    )
    known = {row[0] for row in learntrac.execute("SELECT user_id FROM learner")}
    columns, at = COLUMNS["learner"], to_micros(now)
    learntrac.fill(
        "learner",
        columns,
        [(name, "", "", "{}", at) for name in user_ids if name not in known],
    )
    rows = [(f"sign-in-{name}", name, f"none-{name}", at, at) for name in user_ids]
    learntrac.fill("auth_session", _SESSION, rows)
    learntrac.commit()
    return [tokens.issue(user_id=name, session_id=f"sign-in-{name}", now=now) for name in user_ids]


def edit_ticket(trac: Tables, number: int, summary: str) -> None:
    """One change of a ticket's summary as Trac itself stores it: the ticket, the field's row and the comment's."""
    before = trac.execute("SELECT summary FROM ticket WHERE id = ?", number)[0][0]
    trac.execute("UPDATE ticket SET summary = ? WHERE id = ?", summary, number)
    _note_change(trac, number, "summary", before, summary)


def edit_prerequisites(trac: Tables, number: int, _mark: str) -> None:
    """The same of a ticket's prerequisites: one of the fifty tickets before it."""
    named = f"#{max(1, number - random.randint(1, 50))}"
    where = "ticket = ? AND name = 'prerequisites'"
    before = trac.execute(f"SELECT value FROM ticket_custom WHERE {where}", number)[0][0]
    trac.execute(f"UPDATE ticket_custom SET value = ? WHERE {where}", named, number)
    _note_change(trac, number, "prerequisites", before, named)


def _note_change(trac: Tables, number: int, changed: str, before: str, after: str) -> None:
    moment = time.time_ns() // 1000
    trac.execute("UPDATE ticket SET changetime = ? WHERE id = ?", moment, number)
    for field, old, new in ((changed, before, after), ("comment", "1", "")):
        trac.execute(
            "INSERT INTO ticket_change (ticket, time, author, field, oldvalue, newvalue)"
            " VALUES (?, ?, 'ivan', ?, ?, ?)",
            *(number, moment, field, old, new),
        )
    trac.commit()
