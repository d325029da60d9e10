"""The statements of certificates."""

from sqlalchemy import text

_COLUMNS = (
    "id, user_id, kind, subject, prefix, code, title, description, full_name, is_name_shown, score, threshold, answers,"
    " earned_at, issued_at, revoked_at, revoked_by, reason"
)
MASTERED = text(
    "SELECT c.title, s.mastery_score, s.threshold, s.mastered_at,"
    " (SELECT count(*) FROM evidence e WHERE e.user_id = s.user_id AND e.concept_id = s.concept_id AND e.weight > 0"
    "  AND NOT e.voided AND e.source <> 'reported') AS answers"
    " FROM standing s JOIN concept c ON c.id = s.concept_id WHERE s.user_id = :user_id AND s.concept_id = :concept_id"
    " AND s.status = 'mastered' AND s.mastered_at IS NOT NULL AND EXISTS (SELECT 1 FROM evidence e"
    "  WHERE e.user_id = s.user_id AND e.concept_id = s.concept_id AND e.weight > 0 AND NOT e.voided"
    "  AND e.source <> 'reported' AND e.outcome >= e.threshold)"
)
"""Where a learner has mastered a concept by answers that the server itself graded."""
EARNED = text("SELECT at FROM achievement WHERE user_id = :user_id AND achievement_id = :achievement_id")
FULL_NAME = text("SELECT full_name FROM learner WHERE user_id = :user_id")
ADD = text(
    "INSERT INTO certificate (user_id, kind, subject, prefix, code, title, description, full_name, is_name_shown,"
    " score, threshold, answers, earned_at, issued_at, reason) VALUES (:user_id, :kind, :subject, :prefix, :code,"
    " :title, :description, :full_name, true, CAST(:score AS double precision),"
    " CAST(:threshold AS double precision), CAST(:answers AS integer), :earned_at, :now, '') ON CONFLICT DO NOTHING"
)
FIND_OWN = text(
    f"SELECT {_COLUMNS} FROM certificate WHERE user_id = :user_id AND kind = :kind AND subject = :subject"  # noqa: S608 - our own names
)
FIND = text(f"SELECT {_COLUMNS} FROM certificate WHERE id = :id")  # noqa: S608 - our own names
FIND_BY_CODE = text(f"SELECT {_COLUMNS} FROM certificate WHERE code = :code")  # noqa: S608 - our own names
FIND_BY_PATH = text(
    f"SELECT {_COLUMNS} FROM certificate WHERE user_id = :user_id AND subject = :subject AND prefix = :prefix"  # noqa: S608 - our own names
)
LIST = text(
    f"SELECT {_COLUMNS} FROM certificate WHERE user_id = :user_id ORDER BY id LIMIT :limit OFFSET :offset"  # noqa: S608 - our own names
)
COUNT = text("SELECT count(*) FROM certificate WHERE user_id = :user_id")
SHOW_NAME = text("UPDATE certificate SET is_name_shown = :shown WHERE id = :id")
REVOKE = text(
    "UPDATE certificate SET revoked_at = :now, revoked_by = :revoked_by, reason = :reason"
    " WHERE id = :id AND revoked_at IS NULL RETURNING id"
)
REVOKED = "SELECT id FROM certificate WHERE revoked_at IS NOT NULL AND id > $1 AND id <= $2"
KEYS = "SELECT id, public, private FROM signing_key ORDER BY id"
ADD_KEY = text("INSERT INTO signing_key (public, private, created_at) VALUES (:public, :private, :now) RETURNING id")
COUNT_KEYS = text("SELECT count(*) FROM signing_key")
