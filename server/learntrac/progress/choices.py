"""What a learner could begin or go on with, kept for as long as it would be found again.

It follows from the learner's record, the course and the model, and not from the time: forgetting lowers scores, and
these are read by reviews alone. A page asks for it several times over, and between two answers nothing of it changes.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence

from learntrac.progress.ranking import Ranked

LEARNERS_KEPT = 1000
CHOICES_KEPT = 50
"""As many as may be asked for at once."""


class Choices:
    """The last learners' choices, each `of` a fingerprint of all that it follows from."""

    def __init__(self, learners: int = LEARNERS_KEPT) -> None:
        self._learners = learners
        self._known: OrderedDict[Hashable, tuple[int, Sequence[Ranked]]] = OrderedDict()

    def find(self, whose: Hashable, of: int) -> Sequence[Ranked] | None:
        """What was kept of the same fingerprint; None where there is nothing."""
        known = self._known.get(whose)
        if known is None or known[0] != of:
            return None
        self._known.move_to_end(whose)
        return known[1]

    def keep(self, whose: Hashable, of: int, best_first: Sequence[Ranked]) -> Sequence[Ranked]:
        """Keep the best, in place of what was kept, and return them."""
        best = best_first[:CHOICES_KEPT]
        self._known[whose] = of, best
        self._known.move_to_end(whose)
        if len(self._known) > self._learners:
            self._known.popitem(last=False)
        return best
