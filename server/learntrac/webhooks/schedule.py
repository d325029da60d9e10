"""When a delivery is tried again, and when a webhook is given up. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DELAYS_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Before the second try and each further one: eight tries in 27 hours and 35 minutes."""
MOST_ATTEMPTS = len(DELAYS_SECONDS) + 1
LONGEST_WISH_SECONDS = 86_400
"""A receiver's `Retry-After` is obeyed up to here."""
GONE = 410
GIVEN_UP_AFTER_SECONDS = 5 * 86_400
"""A webhook that has answered nothing well for so long is disabled when the next delivery has used up its tries."""
KEPT_DAYS = 30


def next_delay(attempts: int, wish_seconds: float = 0) -> float | None:
    """Seconds until the next try after so many, not before the receiver's own wish; None: that was the last."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return max(DELAYS_SECONDS[attempts - 1], min(wish_seconds, LONGEST_WISH_SECONDS))


def wished_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """What `Retry-After` asks for: seconds, or a date; 0 where there is none that can be read."""
    written = headers.get("retry-after", "").strip()
    if written.isascii() and written.isdecimal():
        return float(written[:12])
    try:
        date = parsedate_to_datetime(written)
    except (ValueError, TypeError):
        return 0
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())
