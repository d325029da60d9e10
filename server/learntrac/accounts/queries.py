"""The statements of accounts, the same text on SQLite and PostgreSQL."""

from sqlalchemy import text

KEEP_LEARNER = text(
    "INSERT INTO learner (user_id, email, full_name, preferences, created_at)"
    " VALUES (:user_id, :email, :full_name, '{}', :now)"
    " ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, full_name = excluded.full_name"
    " RETURNING preferences, created_at"
)
FIND_LEARNER = text("SELECT email, full_name, created_at FROM learner WHERE user_id = :user_id")
OPEN_SESSION = text(
    "INSERT INTO auth_session (id, user_id, refresh_digest, created_at, used_at)"
    " VALUES (:id, :user_id, :digest, :now, :now)"
)
FIND_BY_REFRESH = text(
    "SELECT id, user_id, refresh_digest, rotated_at, created_at, used_at, revoked_at FROM auth_session"
    " WHERE refresh_digest = :digest OR previous_digest = :digest"
)
USE_SESSION = text("UPDATE auth_session SET used_at = :now WHERE id = :id")
ROTATE_SESSION = text(
    "UPDATE auth_session SET previous_digest = refresh_digest, refresh_digest = :digest,"
    " rotated_at = :now, used_at = :now WHERE id = :id AND refresh_digest = :current RETURNING id"
)
REVOKE_SESSION = text(
    "UPDATE auth_session SET revoked_at = :now WHERE id = :id AND user_id = :user_id AND revoked_at IS NULL"
    " RETURNING id"
)
REVOKE_USER = text("UPDATE auth_session SET revoked_at = :now WHERE user_id = :user_id AND revoked_at IS NULL")
FORGET_SESSIONS = text("DELETE FROM auth_session WHERE created_at < :before")
FIND_LOCAL = text("SELECT password_hash, role FROM local_account WHERE user_id = :user_id")
ADD_LOCAL = text(
    "INSERT INTO local_account (user_id, password_hash, role, created_at)"
    " VALUES (:user_id, :password_hash, :role, :now)"
    " ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, role = excluded.role"
)
REMOVE_LOCAL = text("DELETE FROM local_account WHERE user_id = :user_id RETURNING user_id")

IS_LIVE = (
    "SELECT s.user_id, l.role FROM auth_session s LEFT JOIN local_account l ON l.user_id = s.user_id"
    " WHERE s.id = $1 AND s.revoked_at IS NULL"
)
ARE_LIVE = (
    "SELECT s.user_id, l.role, s.id FROM auth_session s LEFT JOIN local_account l ON l.user_id = s.user_id"
    " WHERE s.id = ANY($1::varchar[]) AND s.revoked_at IS NULL"
)
"""The same for many at once, on PostgreSQL only."""
