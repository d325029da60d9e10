"""What tokens cost. A price in US dollars for a million tokens is the same number in millionths of a dollar for one."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Taken:
    """Tokens by what they cost: `fresh` were read anew, `cached` had been read before, `written` were read anew and
    kept for the next call, `output` were made.
    """

    fresh: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens of each kind."""

    fresh: float
    cached: float
    written: float
    output: float

    def micro_usd(self, taken: Taken) -> int:
        """What these tokens cost in millionths of a US dollar, rounded up."""
        exact = (
            taken.fresh * self.fresh
            + taken.cached * self.cached
            + taken.written * self.written
            + taken.output * self.output
        )
        return math.ceil(round(exact, 6))

    def most_micro_usd(self, most_read: int, most_made: int) -> int:
        """What so many tokens cost at most."""
        dearest = max(self.fresh, self.cached, self.written)
        return math.ceil(most_read * dearest + most_made * self.output)


FREE = Prices(0, 0, 0, 0)
"""A model on a machine of one's own."""

WRITTEN_PER_FRESH = 1.25
"""Where nobody says what it costs to keep what was read: the highest that OpenAI and Anthropic ask for it."""


def prices_of(fresh: float, output: float, *, cached: float | None = None) -> Prices:
    """Prices as an operator gives them; what was read before costs the same where nothing is said."""
    return Prices(fresh, fresh if cached is None else cached, fresh * WRITTEN_PER_FRESH, output)


def most_tokens(*texts: str) -> int:
    """No fewer tokens than these texts can be: a token is a byte at least. Each message brings some of its own."""
    return sum(len(text.encode("utf-8", "surrogatepass")) + TOKENS_AROUND_A_TEXT for text in texts)


TOKENS_AROUND_A_TEXT = 32
