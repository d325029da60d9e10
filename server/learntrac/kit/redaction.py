"""Taking secrets out of text that is about to leave the server: log lines and traces.

Three nets, one behind the other: secrets that are known word for word, names that say what stands beside them, and
the forms that tokens, hashes and the values in a database's messages have.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

HIDDEN = "***"
SHORTEST = 4
"""A shorter word is not hidden by its value: it would be found inside innocent ones."""

_NAMES = r"password|passwd|secret|token|api[_-]?key|authorization|cookie|credential|idempotency[_-]?key"
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host; up to the last @, for a password may hold one.
    (re.compile(r"(\w://[^\s:/@\"']*):[^\s\"']*@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]*\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\$(?:argon2\w*|2[abxy]|apr1|pbkdf2\S*|[156y])\$\S+"), HIDDEN),
    # An opaque token as `secrets.token_urlsafe(32)` makes them.
    (re.compile(r"(?<![\w-])(?=[a-z\d_-]*[A-Z])(?=[A-Z\d_-]*[a-z])(?=[A-Za-z_-]*\d)[\w-]{43}(?![\w-])"), HIDDEN),
    (re.compile(rf"([\w-]*(?:{_NAMES})[\w-]*[\"']?\s*[=:]\s*)(?:{_QUOTED}|[^\s,;&)}}\]]+)", re.I), rf"\1{HIDDEN}"),
    # What PostgreSQL, its driver, SQLAlchemy and Pydantic tell of the values that they met.
    (re.compile(r"\b(DETAIL|CONTEXT):\s[^\n]*"), rf"\1: {HIDDEN}"),
    (re.compile(r"(invalid input for query argument \$\d+: )[^\n]*"), rf"\1{HIDDEN}"),
    (re.compile(r"(invalid input (?:syntax|value) for [^:\n]+: )[^\n]*"), rf"\1{HIDDEN}"),
    (re.compile(r"(\bvalue )\"[^\n]*\"( is out of range)"), rf"\1{HIDDEN}\2"),
    (re.compile(r"(\[parameters: )[^\n]*\]"), rf"\1{HIDDEN}]"),
    (re.compile(r"(\binput_value=).*?(?=, input_type=|\]|$)", re.MULTILINE), rf"\1{HIDDEN}"),
)
_TELLING = re.compile(rf"^(?:\w*[_-])?(?:{_NAMES})(?:s|[_-]\w*)?$", re.IGNORECASE)


def redact(text: str) -> str:
    """The text without whatever looks like a secret."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def is_telling(name: str) -> bool:
    """Whether a field, header or parameter of this name holds a secret."""
    return _TELLING.match(name) is not None


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that hides these very words; the longest first, so that none is left half."""
    words = sorted({word for word in secrets if len(word) >= SHORTEST}, key=len, reverse=True)
    if not words:
        return _as_it_is
    pattern = re.compile("|".join(map(re.escape, words)))
    return lambda text: pattern.sub(HIDDEN, text)


def _as_it_is(text: str) -> str:
    return text


def passwords_in(url: str | None) -> tuple[str, ...]:
    """The password of a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(url or "").password or ""
    except ValueError:
        return ()
    return (password, unquote(password))
