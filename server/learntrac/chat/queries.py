"""The statements of the tutor. `{}` is where a condition or a list of parameters goes."""

from sqlalchemy import String, bindparam, text

# What the index lacks and what it has too much is asked for by EXCEPT, never by a join: a database that does not know
# yet how much was indexed, or has no index for a number as text, would compare each with each.
OLD_CONCEPTS = text(
    "SELECT id FROM (SELECT id, fingerprint FROM concept EXCEPT"
    " SELECT CAST(key AS integer), mark FROM passage_source WHERE source = 'concept') AS lacking ORDER BY id"
)
GONE_CONCEPTS = text(
    "SELECT key FROM passage_source WHERE source = 'concept' EXCEPT SELECT CAST(id AS text) FROM concept ORDER BY key"
)
PAGES = text("SELECT name, version, words, length(content) AS characters FROM page ORDER BY name")
PAGE_MARKS = text("SELECT key, mark FROM passage_source WHERE source = 'page'")
GONE_PAGES = text("SELECT key FROM passage_source WHERE source = 'page' EXCEPT SELECT name FROM page ORDER BY key")
CONCEPT_TEXTS = text(
    "SELECT id, title, description, objectives, links, fingerprint FROM concept WHERE id IN :ids ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
PAGE_TEXTS = text(
    "SELECT name, version, words, length(content) AS characters, content FROM page WHERE name IN :names ORDER BY name"
).bindparams(bindparam("names", expanding=True))

# Whoever writes the index does so one after the other: numbers of passages are given here, and counts add up.
HOLD_INDEX = text("UPDATE passage_state SET changes = changes + 1 WHERE id = 1")
NEXT_PASSAGE = text("SELECT coalesce(max(id), 0) + 1 FROM passage")
PASSAGES_OF = text("SELECT id, words FROM passage WHERE source = :source AND key = :key")
REMOVE_PASSAGES = text("DELETE FROM passage WHERE source = :source AND key = :key")
REMOVE_SOURCE = text("DELETE FROM passage_source WHERE source = :source AND key = :key")
REMOVE_LINKS = text("DELETE FROM passage_page WHERE concept_id = :id")
REMOVE_TEXT = {
    "sqlite": text("DELETE FROM passage_text WHERE rowid = :id"),
    "postgresql": text("DELETE FROM passage_text WHERE passage_id = :id"),
}
PUT_SOURCE = text("INSERT INTO passage_source (source, key, mark) VALUES (:source, :key, :mark)")
PUT_LINK = text("INSERT INTO passage_page (concept_id, page) VALUES (:concept_id, :page)")
PUT_PASSAGE = text(
    "INSERT INTO passage"
    " (id, source, key, concept_id, version, title, heading, kind, language, content, words, length, hash) VALUES"
    " (:id, :source, :key, :concept_id, :version, :title, :heading, :kind, :language, :content, :words, :length, :hash)"
)
PUT_TEXT = {
    "sqlite": text("INSERT INTO passage_text (rowid, words) VALUES (:id, :words)"),
    "postgresql": text(
        "INSERT INTO passage_text (passage_id, words) VALUES (:id, to_tsvector('simple', CAST(:words AS text)))"
    ),
}
COUNT_WORD = text(
    "INSERT INTO passage_word (word, passages) VALUES (:word, :by)"
    " ON CONFLICT (word) DO UPDATE SET passages = passage_word.passages + excluded.passages"
)
COUNT_ALL = text("UPDATE passage_state SET passages = passages + :passages, words = words + :words WHERE id = 1")

TOTALS = "SELECT passages, words FROM passage_state WHERE id = 1"
HOLDING = "SELECT word, passages FROM passage_word WHERE word IN ({})"
WORDS_FROM = "SELECT word, passages FROM passage_word WHERE word >= $1 AND word <= $2 AND passages > 0 LIMIT 3000"
CANDIDATES = {
    "sqlite": (
        "SELECT id, source, key, concept_id, words, length FROM passage WHERE id IN"
        " (SELECT rowid FROM passage_text WHERE passage_text MATCH $1) ORDER BY id LIMIT 800"
    ),
    "postgresql": (
        "SELECT p.id, p.source, p.key, p.concept_id, p.words, p.length FROM passage p"
        " JOIN passage_text t ON t.passage_id = p.id WHERE t.words @@ to_tsquery('simple', $1) ORDER BY p.id LIMIT 800"
    ),
}
OF_CONCEPT = (
    "SELECT id, source, key, concept_id, words, length FROM passage WHERE concept_id = $1 ORDER BY id LIMIT 200"
)
OF_LINKED_PAGES = (
    "SELECT p.id, p.source, p.key, p.concept_id, p.words, p.length FROM passage_page l"
    " JOIN passage p ON p.source = 'page' AND p.key = l.page WHERE l.concept_id = $1 ORDER BY p.id LIMIT 400"
)
LINKED = "SELECT page, concept_id FROM passage_page WHERE page IN ({}) ORDER BY concept_id"
SHOW = (
    "SELECT id, source, key, concept_id, version, title, heading, kind, language, content FROM passage WHERE id IN ({})"
)

# Vectors of passages. What the first of them finds is what was indexed before there were any.
UNHASHED = text("SELECT id, title, heading, content FROM passage WHERE hash = '' ORDER BY id LIMIT :limit")
PUT_HASH = text("UPDATE passage SET hash = :hash WHERE id = :id")
WITHOUT_VECTOR = text(
    "SELECT p.id, p.hash, p.title, p.heading, p.content FROM passage p WHERE p.id > :after AND p.hash <> '' AND NOT"
    " EXISTS (SELECT 1 FROM passage_vector v WHERE v.hash = p.hash AND v.model = :model) ORDER BY p.id LIMIT :limit"
)
PUT_VECTOR = text(
    "INSERT INTO passage_vector (hash, model, signs, vector) VALUES (:hash, :model, :signs, :vector)"
    " ON CONFLICT (hash, model) DO NOTHING"
)
REMOVE_OLD_VECTORS = text(
    "DELETE FROM passage_vector WHERE model <> :model"
    " OR NOT EXISTS (SELECT 1 FROM passage p WHERE p.hash = passage_vector.hash)"
)
CHANGES = "SELECT changes FROM passage_state WHERE id = 1"
SIGNS = (
    "SELECT p.id, v.signs, p.source, p.key FROM passage p JOIN passage_vector v ON v.hash = p.hash AND v.model = $1"
    " WHERE p.hash <> '' ORDER BY p.id"
)
VECTORS = (
    "SELECT p.id, p.source, p.key, p.concept_id, p.words, p.length, v.vector FROM passage p"
    " JOIN passage_vector v ON v.hash = p.hash AND v.model = $1 WHERE {} ORDER BY p.id"
)

TOPICS = "SELECT id, title, objectives FROM concept WHERE id IN ({})"
NEEDED = (
    "WITH RECURSIVE need(id) AS (SELECT id FROM concept WHERE id IN ({}) UNION"
    " SELECT p.prerequisite_id FROM need JOIN prerequisite p ON p.concept_id = need.id AND p.state = 'kept')"
    " SELECT p.concept_id, p.prerequisite_id FROM need JOIN prerequisite p ON p.concept_id = need.id"
    " WHERE p.state = 'kept'"
)
"""Every edge among concepts and all that they build on."""
STANDINGS = "SELECT concept_id, status, completed_at FROM standing WHERE user_id = $1"
LAST_OUTCOMES = (
    "SELECT concept_id, outcome, threshold FROM evidence"
    " WHERE user_id = $1 AND at > $2 AND weight > 0 AND NOT voided AND source <> 'tutor' ORDER BY id DESC LIMIT 500"
)

ADD_CHAT = text(
    "INSERT INTO chat (id, user_id, concept_id, session_id, mode, messages, started_at, updated_at)"
    " VALUES (:id, :user_id, :concept_id, :session_id, :mode, 0, :now, :now)"
)
CONCEPT_EXISTS = text("SELECT 1 FROM concept WHERE id = :concept_id")
SESSION_EXISTS = text("SELECT 1 FROM learning_session WHERE id = :session_id AND user_id = :user_id")
# Locks the row: messages of one talk come one after the other.
HOLD_CHAT = text(
    "UPDATE chat SET updated_at = :now WHERE id = :id AND user_id = :user_id"
    " RETURNING id, user_id, concept_id, session_id, mode, messages, started_at"
)
FIND_CHAT = text(
    "SELECT id, user_id, concept_id, session_id, mode, messages, started_at, updated_at FROM chat"
    " WHERE id = :id AND user_id = :user_id"
)
COUNT_MESSAGES = text("UPDATE chat SET messages = messages + :by WHERE id = :id")
_MESSAGE = (
    "id, chat_id, user_id, place, role, content, answers, ai_model, tokens, is_cut, details, once, rating, is_helpful,"
    " feedback, at"
)
ADD_MESSAGE = text(
    f"INSERT INTO chat_message ({_MESSAGE}) VALUES (:id, :chat_id, :user_id, :place, :role, :content, :answers,"  # noqa: S608 - our own names
    " :ai_model, :tokens, :is_cut, :details, :once, NULL, NULL, '{}', :now) ON CONFLICT DO NOTHING RETURNING id"
)
LAST_PLACE = text("SELECT coalesce(max(place), 0) FROM chat_message WHERE chat_id = :chat_id")
MESSAGES = text(f"SELECT {_MESSAGE} FROM chat_message WHERE chat_id = :chat_id ORDER BY place")  # noqa: S608 - our own names
FIND_ONCE = text(f"SELECT {_MESSAGE} FROM chat_message WHERE user_id = :user_id AND once = :once")  # noqa: S608 - our own names
REPLACE_REPLY = text("DELETE FROM chat_message WHERE id = :id AND chat_id = :chat_id AND is_cut")
RATE = text(
    "UPDATE chat_message SET rating = :rating, is_helpful = :helpful, feedback = :feedback"
    " WHERE id = :id AND chat_id = :chat_id AND user_id = :user_id AND role <> 'user' RETURNING id"
)
TOLD_ELSEWHERE = (
    "SELECT content, details FROM chat_message WHERE user_id = $1 AND chat_id <> $2 AND role = 'assistant'"
    """ AND (ai_model <> $3 OR details LIKE '%"withheld":true%') ORDER BY at DESC, id LIMIT $4"""
)
"""What a model told in other talks, and what it was kept from telling."""
LIST_CHATS = text(
    "SELECT c.id, c.mode, c.concept_id, c.messages, c.started_at, c.updated_at, t.title FROM chat c"
    " LEFT JOIN concept t ON t.id = c.concept_id WHERE c.user_id = :user_id"
    " AND (CAST(:concept_id AS integer) IS NULL OR c.concept_id = :concept_id)"
    " ORDER BY c.updated_at DESC, c.id LIMIT :limit OFFSET :offset"
)
COUNT_CHATS = text(
    "SELECT count(*) FROM chat WHERE user_id = :user_id"
    " AND (CAST(:concept_id AS integer) IS NULL OR concept_id = :concept_id)"
)
REMOVE_MESSAGES = text("DELETE FROM chat_message WHERE chat_id = :id")
REMOVE_CHAT = text("DELETE FROM chat WHERE id = :id AND user_id = :user_id RETURNING id")
TITLES = text("SELECT id, title FROM concept WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
THRESHOLD = text("SELECT mastery_threshold FROM concept WHERE id = :concept_id")
CHECKED_LATELY = text(
    "SELECT 1 FROM evidence WHERE user_id = :user_id AND concept_id = :concept_id AND item_id = :item AND at > :since"
    " LIMIT 1"
)

ADD_HANDOVER = text(
    "INSERT INTO handover (chat_id, user_id, concept_id, question, context, status, answer, created_at)"
    " VALUES (:chat_id, :user_id, :concept_id, :question, :context, 'open', '', :now) RETURNING id"
)
_HANDOVER = (
    "h.id, h.chat_id, h.user_id, h.concept_id, h.question, h.context, h.status, h.answer, h.answered_by, h.created_at,"
    " h.answered_at, c.title"
)
_WANTED = (
    " WHERE (CAST(:user_id AS text) IS NULL OR h.user_id = :user_id)"
    " AND (CAST(:status AS text) IS NULL OR h.status = :status)"
)
LIST_HANDOVERS = text(
    f"SELECT {_HANDOVER} FROM handover h LEFT JOIN concept c ON c.id = h.concept_id{_WANTED}"  # noqa: S608 - our own names
    " ORDER BY h.status DESC, h.id"
)
FIND_HANDOVER = text(
    f"SELECT {_HANDOVER} FROM handover h LEFT JOIN concept c ON c.id = h.concept_id WHERE h.id = :id"  # noqa: S608 - our own names
)
OPEN_HANDOVER = text("SELECT id FROM handover WHERE chat_id = :chat_id AND status = 'open'")
ANSWER_HANDOVER = text(
    "UPDATE handover SET status = 'answered', answer = :answer, answered_by = :by, answered_at = :now"
    " WHERE id = :id AND status = 'open' RETURNING id"
)
CUT_MESSAGE = text(
    "UPDATE chat_message SET content = :content, is_cut = true"
    " WHERE id = :id AND user_id = :user_id AND role = 'assistant'"
)
REMOVE_MESSAGE = text(
    "DELETE FROM chat_message WHERE id = :id AND user_id = :user_id AND role = 'assistant' RETURNING chat_id"
)
TAKE_BACK = text(
    "DELETE FROM chat_message WHERE chat_id = :chat_id AND user_id = :user_id AND place = :place AND role = 'user'"
    " RETURNING id"
)

EXERCISES_AROUND = text(
    "SELECT id, version, concept_id FROM exercise"
    " WHERE id IN :ids OR (concept_id IN :concepts AND NOT is_retired) ORDER BY id"
).bindparams(bindparam("ids", expanding=True, type_=String()), bindparam("concepts", expanding=True))
OLD_EXERCISES = text(
    "SELECT id, CAST(version AS text) AS version FROM exercise WHERE NOT is_retired EXCEPT"
    " SELECT key, mark FROM passage_source WHERE source = 'exercise' ORDER BY id"
)
GONE_EXERCISES = text(
    "SELECT key FROM passage_source WHERE source = 'exercise' EXCEPT SELECT id FROM exercise WHERE NOT is_retired"
    " ORDER BY key"
)

WITH_OBJECTIVES = "SELECT id, title, objectives FROM concept WHERE objectives <> '[]' ORDER BY id"
TEXTS_OF_CONCEPT = text(
    "SELECT content FROM passage WHERE concept_id = :concept_id UNION ALL"
    " SELECT p.content FROM passage_page l JOIN passage p ON p.source = 'page' AND p.key = l.page"
    " WHERE l.concept_id = :concept_id"
)
