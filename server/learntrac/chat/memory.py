"""How much of a talk a model is told: the latest messages, up to a budget of tokens. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

BUDGET_TOKENS = 3000
"""Of what was said before, in one call. Half an hour of talk fits; what the learner knows is not remembered by it but
by the learner model.
"""
_LONGEST_TOKENS = 1000
"""Of one message: a learner's long listing must not push out the rest."""


@dataclass(frozen=True)
class Said:
    """A message of the talk: `role` is user, assistant or instructor. `withheld`: it was about to give something
    away.
    """

    role: str
    text: str
    withheld: bool = False


@dataclass(frozen=True)
class Remembered:
    """What fits, oldest first, and which share of the talk's tokens that is, 0 to 1."""

    messages: tuple[Said, ...]
    retention: float


def count_tokens(text: str) -> int:
    """About how many tokens a text is: four characters each, as the makers of tokenizers say of English."""
    return -(-len(text) // 4)


def remember(talk: Sequence[Said], *, budget_tokens: int = BUDGET_TOKENS) -> Remembered:
    """The end of the talk that fits into the budget. The last message is always in it, cut where it must be."""
    kept, left = list[Said](), budget_tokens
    for said in reversed(talk):
        allowed = min(left, _LONGEST_TOKENS)
        if allowed <= 0:
            break
        text = said.text if count_tokens(said.text) <= allowed else said.text[: allowed * 4]
        kept.append(Said(said.role, text))
        left -= count_tokens(text)
    total = sum(count_tokens(said.text) for said in talk)
    held = sum(count_tokens(said.text) for said in kept)
    return Remembered(tuple(reversed(kept)), round(held / total, 4) if total else 1.0)
