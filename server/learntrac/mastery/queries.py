"""The statements of mastery."""

import functools

from sqlalchemy import TextClause, bindparam, text

from learntrac.webhooks.outbox import WANTED

_STANDING = (
    "user_id, concept_id, status, mastery_score, answers, threshold, terms, stability, difficulty, reviewed_at, due_at,"
    " begun_at, completed_at, mastered_at"
)

ADD_EVIDENCE = text(
    "INSERT INTO evidence (user_id, concept_id, item_id, outcome, weight, source, threshold, prerequisites, predicted,"
    " score_before, score_after, voided, at) VALUES (:user_id, :concept_id, :item_id, :outcome, :weight, :source,"
    " :threshold, :prerequisites, :predicted, :score_before, :score_after, :voided, :at)"
)
# One statement that makes the row where there is none, locks it in any case, and tells what is in it. What follows is
# announced, so it also tells which events somebody wants.
HOLD_LEARNER = text(
    "INSERT INTO learner_state (user_id, model, state, updated_at) VALUES (:user_id, '', :empty, :now)"  # noqa: S608 - our own names
    f" ON CONFLICT (user_id) DO UPDATE SET updated_at = excluded.updated_at RETURNING model, state, {WANTED} AS wanted"
)
KEEP_STATE = text("UPDATE learner_state SET model = :model, state = :state WHERE user_id = :user_id")

FIND_STANDINGS = text(
    f"SELECT {_STANDING} FROM standing WHERE user_id = :user_id AND concept_id IN :concept_ids"  # noqa: S608 - our own names
).bindparams(bindparam("concept_ids", expanding=True))
ALL_STANDINGS = text(f"SELECT {_STANDING} FROM standing WHERE user_id = :user_id ORDER BY concept_id")  # noqa: S608 - our own names
PUT_STANDING = text(
    f"INSERT INTO standing ({_STANDING}, updated_at) VALUES (:user_id, :concept_id, :status, :mastery_score, :answers,"  # noqa: S608 - our own names
    " :threshold, :terms, :stability, :difficulty, :reviewed_at, :due_at, :begun_at, :completed_at, :mastered_at, :now)"
    " ON CONFLICT (user_id, concept_id) DO UPDATE SET status = excluded.status,"
    " mastery_score = excluded.mastery_score, answers = excluded.answers, threshold = excluded.threshold,"
    " terms = excluded.terms, stability = excluded.stability, difficulty = excluded.difficulty,"
    " reviewed_at = excluded.reviewed_at, due_at = excluded.due_at, completed_at = excluded.completed_at,"
    " mastered_at = excluded.mastered_at, updated_at = excluded.updated_at"
)
# What another answer or a replay does to a standing is no activity of the learner's: `updated_at` stays.
SHIFT_STANDING = text(
    "UPDATE standing SET status = :status, mastery_score = :mastery_score, answers = :answers, threshold = :threshold,"
    " terms = :terms, stability = :stability, difficulty = :difficulty, reviewed_at = :reviewed_at, due_at = :due_at,"
    " mastered_at = :mastered_at WHERE user_id = :user_id AND concept_id = :concept_id"
)
REMOVE_STANDING = text("DELETE FROM standing WHERE user_id = :user_id AND concept_id = :concept_id")
PREREQUISITES_OF = text(
    "SELECT prerequisite_id FROM prerequisite WHERE concept_id = :concept_id AND state = 'kept'"
    " ORDER BY prerequisite_id"
)
# The order of the log is that of the rows: a learner's rows are written while the learner's state is held.
LOG = text(
    "SELECT id, concept_id, item_id, outcome, weight, source, threshold, prerequisites, at FROM evidence"
    " WHERE user_id = :user_id AND weight > 0 AND NOT voided ORDER BY id"
)
KEEP_EFFECT = text("UPDATE evidence SET score_before = :before, score_after = :after WHERE id = :id")
LAST_SESSION_EVENT = text(
    "SELECT kind FROM learning_event WHERE user_id = :user_id AND concept_id = :concept_id"
    " AND kind IN ('started', 'completed', 'abandoned') ORDER BY id DESC LIMIT 1"
)
LEARNERS = text("SELECT DISTINCT user_id FROM evidence WHERE weight > 0 ORDER BY user_id")
UNREAD_LEARNERS = text(
    "SELECT DISTINCT user_id FROM evidence e WHERE weight > 0 AND NOT EXISTS"
    " (SELECT 1 FROM learner_state s WHERE s.user_id = e.user_id AND s.model <> '') ORDER BY user_id"
)
"""Learners whose answers no model has read: those of a version before there was one."""
LOGS = text(
    "SELECT user_id, concept_id, item_id, outcome, weight, source, threshold, prerequisites, at FROM evidence"
    " WHERE weight > 0 AND NOT voided ORDER BY user_id, id"
)

BEGUN = text(
    "SELECT s.concept_id, c.title, c.component, c.mastery_threshold, s.status, s.mastery_score, s.answers, s.stability,"
    " s.difficulty, s.reviewed_at, s.due_at, s.mastered_at, s.updated_at"
    " FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = :user_id"
    " AND (CAST(:component AS text) IS NULL OR c.component = :component) ORDER BY s.concept_id"
)
FIND_CONCEPT = text("SELECT id, title, component, mastery_threshold FROM concept WHERE id = :concept_id")
EVIDENCE = text(
    "SELECT e.id, e.item_id, e.outcome, e.weight, e.source, e.at, e.predicted, e.threshold, e.score_before,"
    " e.score_after, e.voided, t.status AS contest FROM evidence e LEFT JOIN contest t ON t.evidence_id = e.id"
    " WHERE e.user_id = :user_id AND e.concept_id = :concept_id ORDER BY e.id DESC LIMIT :limit OFFSET :offset"
)
COUNT_EVIDENCE = text("SELECT count(*) FROM evidence WHERE user_id = :user_id AND concept_id = :concept_id")
LATEST_SCORES = text(
    "SELECT score_after FROM evidence WHERE user_id = :user_id AND concept_id = :concept_id AND weight > 0"
    " AND NOT voided AND score_after IS NOT NULL ORDER BY id DESC LIMIT :limit"
)

FIND_EVIDENCE = text("SELECT id, user_id, concept_id FROM evidence WHERE id = :id")
VOID_EVIDENCE = text("UPDATE evidence SET voided = true WHERE id = :id")
ADD_CONTEST = text(
    "INSERT INTO contest (evidence_id, user_id, concept_id, reason, status, created_at, note)"
    " VALUES (:evidence_id, :user_id, :concept_id, :reason, 'pending', :now, '') ON CONFLICT DO NOTHING RETURNING id"
)
_CONTEST = (
    "SELECT t.id, t.evidence_id, t.user_id, t.concept_id, t.reason, t.status, t.created_at, t.decided_by, t.note,"
    " t.decided_at, e.item_id, e.outcome, e.weight, e.source, e.at, e.predicted, e.score_before, e.score_after"
    " FROM contest t JOIN evidence e ON e.id = t.evidence_id JOIN concept c ON c.id = t.concept_id"
)
FIND_CONTEST = text(f"{_CONTEST} WHERE t.id = :id")
CONTESTS = text(f"{_CONTEST} WHERE (CAST(:status AS text) IS NULL OR t.status = :status) ORDER BY t.id")
DECIDE_CONTEST = text(
    "UPDATE contest SET status = :status, decided_by = :decided_by, note = :note, decided_at = :now"
    " WHERE id = :id AND status = 'pending' RETURNING id"
)
FINISHED_MILESTONE = text(
    "SELECT o.milestone, (SELECT count(*) FROM concept c WHERE c.milestone = o.milestone) AS concepts,"
    " (SELECT count(*) FROM concept c JOIN standing s ON s.user_id = :user_id AND s.concept_id = c.id"
    "  WHERE c.milestone = o.milestone AND s.status = 'mastered') AS mastered"
    " FROM concept o WHERE o.id = :concept_id AND o.milestone <> '' AND NOT EXISTS"
    " (SELECT 1 FROM concept c LEFT JOIN standing s ON s.user_id = :user_id AND s.concept_id = c.id"
    "  WHERE c.milestone = o.milestone AND coalesce(s.status, 'new') <> 'mastered' AND s.completed_at IS NULL)"
)
"""The concept's milestone, where the learner has mastered or completed all of it."""
LATEST_OUTCOMES = text(
    "SELECT outcome, threshold FROM evidence WHERE user_id = :user_id AND concept_id = :concept_id AND weight > 0"
    " AND NOT voided ORDER BY id DESC LIMIT :limit"
)
FIND_NOTE = text("SELECT 1 FROM learning_event WHERE user_id = :user_id AND kind = :kind AND data = :data LIMIT 1")

AWARDED = text(
    "SELECT achievement_id, at, evidence FROM achievement WHERE user_id = :user_id ORDER BY at, achievement_id"
)


@functools.cache
def award(count: int) -> TextClause:
    """One statement that awards so many achievements to a learner, its parameters numbered from 0."""
    rows = ", ".join(f"(:user_id, :achievement_id_{number}, :now, :evidence_{number})" for number in range(count))
    return text(
        f"INSERT INTO achievement (user_id, achievement_id, at, evidence) VALUES {rows}"  # noqa: S608 - every value is a parameter
        " ON CONFLICT DO NOTHING RETURNING achievement_id"
    )


@functools.cache
def add_events(count: int) -> TextClause:
    """One statement that appends so many events of one learner and concept, its parameters numbered from 0."""
    rows = ", ".join(
        f"(:user_id, :concept_id, :kind_{number}, :seconds_{number}, :score_{number}, :data_{number}, :now)"
        for number in range(count)
    )
    return text(
        f"INSERT INTO learning_event (user_id, concept_id, kind, seconds, score, data, at) VALUES {rows}"  # noqa: S608 - every value is a parameter
    )
