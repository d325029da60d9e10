"""Who may be sent to now: receivers that are slow or dead must not delay those that are well. Pure.

A receiver is well when its last answer was good, failing when its last one was not, and unknown before the first. The
well have slots of their own. Of the others at most `BEGUN_A_SECOND` tries begin a second, and each receiver that fails
has one try at a time, as has each that is unknown: so a thousand that hang hold connections, but nobody up.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

Health = Literal["well", "unknown", "failing"]

WELL_AT_ONCE = 200
OTHERS_AT_ONCE = 1500
BEGUN_A_SECOND, SECOND = 256, 1.0
AT_ONCE_EACH: dict[Health, int] = {"well": 16, "unknown": 1, "failing": 1}


def health_of(*, failures: int, has_succeeded: bool) -> Health:
    """How a receiver is, by its failures since it last did well."""
    if failures:
        return "failing"
    return "well" if has_succeeded else "unknown"


@dataclass
class Slots:
    """The tries under way. `at` is in seconds of a clock that never goes back."""

    others_at_once: int = OTHERS_AT_ONCE
    _busy: dict[int, tuple[int, bool]] = field(default_factory=dict)
    _each: Counter[int] = field(default_factory=Counter)
    _others: int = 0
    _begun: deque[float] = field(default_factory=deque)

    def is_busy(self, delivery_id: int) -> bool:
        """Whether this delivery is under way."""
        return delivery_id in self._busy

    def take(self, delivery_id: int, receiver: int, health: Health, at: float) -> None:
        """A try begins."""
        self._busy[delivery_id] = (receiver, health == "well")
        self._each[receiver] += 1
        if health != "well":
            self._others += 1
            self._begun.append(at)

    def free(self, delivery_id: int) -> None:
        """It has ended, and what became of it is kept."""
        receiver, was_well = self._busy.pop(delivery_id)
        self._each[receiver] -= 1
        self._others -= not was_well

    def room(self, receiver: int, health: Health, at: float) -> int:
        """How many more may begin to this receiver now."""
        own = AT_ONCE_EACH[health] - self._each[receiver]
        if health == "well":
            return max(0, min(own, WELL_AT_ONCE - (len(self._busy) - self._others)))
        while self._begun and at - self._begun[0] >= SECOND:
            self._begun.popleft()
        return max(0, min(own, self.others_at_once - self._others, BEGUN_A_SECOND - len(self._begun)))
