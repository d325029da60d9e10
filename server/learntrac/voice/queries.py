"""The statements of voice, the same text on SQLite and PostgreSQL."""

from sqlalchemy import text

LOCK_LEARNER = text("UPDATE learner SET created_at = created_at WHERE user_id = :user_id")
"""Two connections that are opened at once are counted one after the other."""
COUNT_OPEN = text("SELECT count(*) FROM voice_connection WHERE user_id = :user_id AND expires_at > :now")
OPEN = text(
    "INSERT INTO voice_connection (id, user_id, sign_in, door, opened_at, expires_at, token_expires_at)"
    " VALUES (:id, :user_id, :sign_in, :door, :now, :expires_at, :token_expires_at)"
)
CLOSE = text("DELETE FROM voice_connection WHERE id = :id RETURNING user_id")
RENEW = text(
    "UPDATE voice_connection SET sign_in = :sign_in, token_expires_at = :token_expires_at WHERE id = :id RETURNING id"
)
KEEP_OPEN = text("UPDATE voice_connection SET expires_at = :expires_at WHERE id = :id")
TAKE_OVERDUE = text(
    "DELETE FROM voice_connection WHERE door = 'gateway' AND (expires_at <= :now OR token_expires_at <= :now"
    " OR EXISTS (SELECT 1 FROM auth_session s WHERE s.id = voice_connection.sign_in AND s.revoked_at IS NOT NULL))"
    " RETURNING id"
)
"""Each is taken by one process only, whichever comes first."""
FORGET_CONNECTIONS = text("DELETE FROM voice_connection WHERE expires_at <= :now AND door = 'socket'")

RESERVE = text(
    "INSERT INTO voice_usage (user_id, day, milliseconds) VALUES (:user_id, :day, :wanted)"
    " ON CONFLICT (user_id, day) DO UPDATE SET milliseconds = voice_usage.milliseconds + excluded.milliseconds"
    " WHERE voice_usage.milliseconds + excluded.milliseconds <= :limit RETURNING milliseconds"
)
USED = text("SELECT milliseconds FROM voice_usage WHERE user_id = :user_id AND day = :day")
GIVE_BACK = text(
    "UPDATE voice_usage SET milliseconds = CASE WHEN milliseconds > :unused THEN milliseconds - :unused ELSE 0 END"
    " WHERE user_id = :user_id AND day = :day"
)
FORGET_USAGE = text("DELETE FROM voice_usage WHERE day < :before")

BEGIN_AUDIO = text(
    "INSERT INTO voice_audio (id, user_id, created_at, expires_at, is_complete, stored_as)"
    " VALUES (:id, :user_id, :now, :expires_at, :incomplete, '')"
)
ADD_PART = text("INSERT INTO voice_audio_part (audio_id, place, user_id, mp3) VALUES (:id, :place, :user_id, :mp3)")
COMPLETE_AUDIO = text("UPDATE voice_audio SET is_complete = :complete, stored_as = :stored_as WHERE id = :id")
DROP_PARTS = text("DELETE FROM voice_audio_part WHERE audio_id = :id")
FIND_AUDIO = "SELECT user_id, expires_at, is_complete, stored_as FROM voice_audio WHERE id = $1"
PARTS_AFTER = "SELECT place, mp3 FROM voice_audio_part WHERE audio_id = $1 AND place > $2 ORDER BY place"
FORGET_PARTS = text(
    "DELETE FROM voice_audio_part WHERE audio_id IN (SELECT id FROM voice_audio WHERE expires_at <= :now)"
)
FORGET_AUDIO = text("DELETE FROM voice_audio WHERE expires_at <= :now RETURNING stored_as")

TITLES = "SELECT id, title FROM concept ORDER BY id LIMIT 500"
AROUND = (
    "SELECT c.id, c.title, c.objectives FROM concept c WHERE c.id = $1"
    " OR c.id IN (SELECT prerequisite_id FROM prerequisite WHERE concept_id = $1 AND state = 'kept')"
    " OR c.id IN (SELECT concept_id FROM prerequisite WHERE prerequisite_id = $1 AND state = 'kept')"
    " ORDER BY c.id LIMIT 50"
)
