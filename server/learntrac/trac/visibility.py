"""Which tickets somebody may see, as a value: one default and the rules that depart from it.

A catalog of 100,000 tickets is then one comparison when no rule speaks of single tickets, one set operation
when rules name them, and a look at each ticket only when patterns are left.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import cached_property
from hashlib import sha256

Subject = int | str
"""What a rule speaks of: a ticket's id, or a pattern over `ticket:12@*` in the manner of fnmatch."""


@dataclass(frozen=True)
class Visibility:
    """The first rule that speaks of a ticket decides, else the default. Made by `from_patterns`."""

    default: bool
    rules: tuple[tuple[Subject, bool], ...] = ()

    @classmethod
    def from_patterns(cls, rules: Iterable[tuple[str, bool]], *, default: bool) -> "Visibility":
        """The shortest equal form of rules over whole resource names (`ticket:12@*`, `wiki:*@*`, `*@*`)."""
        kept: dict[Subject, bool] = {}
        for pattern, verdict in rules:
            if _is_for_every_ticket(pattern):
                default = verdict
                break
            if not _is_for_no_ticket(pattern):
                kept.setdefault(_subject(pattern), verdict)
        return cls(default, _shortened(kept, default=default))

    @property
    def uniform(self) -> bool:
        """Whether the default holds for every ticket."""
        return not self.rules

    @cached_property
    def exceptions(self) -> frozenset[int] | None:
        """The ids that depart from the default, when that is all there is to know; None with patterns."""
        ids = frozenset(subject for subject, _verdict in self.rules if isinstance(subject, int))
        return ids if len(ids) == len(self.rules) else None

    @cached_property
    def key(self) -> str:
        """A short name, the same for everyone who sees the same by the same rules: for keys of caches."""
        if self.uniform:
            return "all" if self.default else "none"
        return sha256(repr((self.default, self.rules)).encode()).hexdigest()[:32]

    def allows(self, ticket_id: int) -> bool:
        """Whether this ticket, by its id from 1 up, may be seen."""
        if not self.rules:
            return self.default
        place, verdict = self._by_id.get(ticket_id, (len(self.rules), self.default))
        for pattern_place, matches, pattern_verdict in self._patterns:
            if pattern_place < place and matches(f"ticket:{ticket_id}@*"):
                return pattern_verdict
        return verdict

    def hidden(self, ids: Iterable[int]) -> frozenset[int]:
        """Those of the ids that may not be seen."""
        if self.exceptions is None:
            return frozenset(ticket_id for ticket_id in ids if not self.allows(ticket_id))
        if self.default:
            return self.exceptions.intersection(ids)
        return frozenset(ids) - self.exceptions

    @cached_property
    def _by_id(self) -> dict[int, tuple[int, bool]]:
        return {
            subject: (place, verdict) for place, (subject, verdict) in enumerate(self.rules) if isinstance(subject, int)
        }

    @cached_property
    def _patterns(self) -> list[tuple[int, Callable[[str], object], bool]]:
        return [
            (place, re.compile(translate(subject)).match, verdict)
            for place, (subject, verdict) in enumerate(self.rules)
            if isinstance(subject, str)
        ]


def _shortened(kept: dict[Subject, bool], *, default: bool) -> tuple[tuple[Subject, bool], ...]:
    rules = list(kept.items())
    while rules and rules[-1][1] == default:
        rules.pop()
    ids = [(subject, verdict) for subject, verdict in rules if isinstance(subject, int)]
    if len(ids) < len(rules):
        return tuple(rules)
    # Without patterns the order means nothing, nor does a rule that says what the default says.
    return tuple(sorted((subject, verdict) for subject, verdict in ids if verdict != default))


def _is_for_every_ticket(pattern: str) -> bool:
    # NUL stands for the id: only a `*` can match it in a pattern that has none, and a `*` matches any id.
    return not re.search(r"[?\[\0]", pattern) and fnmatchcase("ticket:\0@*", pattern)


def _is_for_no_ticket(pattern: str) -> bool:
    if "[" in pattern:
        return False
    # A ticket stands alone: a slash is only in the names of what belongs to something else.
    start = re.split(r"[*?]", pattern, maxsplit=1)[0]
    could_start = "ticket:".startswith(start) or re.fullmatch(r"ticket:[1-9][0-9]*@?", start)
    return "/" in pattern or not could_start


def _subject(pattern: str) -> Subject:
    single = re.fullmatch(r"ticket:([1-9][0-9]{0,17})@\*", pattern)
    return int(single[1]) if single else pattern
