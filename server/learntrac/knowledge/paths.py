"""The way to a concept: what is still to be learned for it, in which order, and what else would do. Pure.

What is needed: every prerequisite that the learner has not met, direct or not; below one that is met nothing is needed.
Where one concept is an alternative to another, either will do: the choices are tried, and the aim decides.

Aims: `time` is the least total of minutes, then the fewest concepts; `difficulty` the smoothest rise (the least sum of
upward steps in difficulty), then the least total; `prerequisites` the fewest concepts, then the least total.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import heapify, heappop, heappush
from itertools import groupby, islice, pairwise
from math import inf
from typing import Literal, NamedTuple

Aim = Literal["time", "difficulty", "prerequisites"]
Chosen = Mapping[int, int]
"""{prerequisite: the alternative that is learned instead of it}."""

MOST_CHOICES = 256
"""So many combinations of alternatives are tried, those that change least first, at concepts near the target first."""
MOST_VISITED = 30_000
"""No more are tried once all that were tried have so many concepts together: some 10 ms."""
MOST_ORDERED = 10_000
"""The same where each has to be put in order before it is known how good it is."""
EXACT_UP_TO = 8
"""The smoothest order of so many concepts is found for certain; of more, by taking the easiest that is open."""


class Step(NamedTuple):
    """What the search knows of a concept. A tuple: there may be thousands."""

    minutes: int
    difficulty: float
    met: bool


@dataclass(frozen=True)
class Way:
    """Concepts in an order that respects the graph, the target last; none of them met."""

    order: tuple[int, ...]
    minutes: int
    rise: float

    def cost(self, aim: Aim) -> tuple[float, ...]:
        """What the aim compares, and then the numbers themselves, so that equal input gives an equal answer."""
        count = len(self.order)
        by_aim: dict[Aim, tuple[float, ...]] = {
            "time": (self.minutes, count),
            "difficulty": (self.rise, self.minutes),
            "prerequisites": (count, self.minutes),
        }
        return (*by_aim[aim], *self.order)


class Needs:
    """Prerequisites and alternatives by concept."""

    def __init__(self, prerequisites: Iterable[tuple[int, int]], alternatives: Iterable[tuple[int, int]]) -> None:
        """Pairs of (prerequisite, concept), and of concepts that can stand for each other."""
        self.of: defaultdict[int, list[int]] = defaultdict(list)
        self.instead: defaultdict[int, list[int]] = defaultdict(list)
        for prerequisite, concept in sorted(prerequisites):
            self.of[concept].append(prerequisite)
        for one, other in alternatives:
            self.instead[one].append(other)
            self.instead[other].append(one)


def ways(target: int, steps: Mapping[int, Step], needs: Needs, *, aim: Aim, most: int = 4) -> list[Way]:
    """The best way first, then alternatives, each with at least one concept that those before it lack or have more.

    A concept that is not in `steps` cannot be seen by whoever asks: it is passed over. A target that is met needs
    nothing: the one way is empty.
    """
    still = _Open(target, steps, needs)
    found: defaultdict[int, list[Chosen]] = defaultdict(list)
    for wanted, chosen in still.choices(MOST_ORDERED if aim == "difficulty" else MOST_VISITED):
        found[wanted].append(chosen)
    ranked = sorted((still.rank(wanted, aim), place, wanted) for place, wanted in enumerate(found))
    best: list[Way] = []
    for _, group in groupby(ranked, key=lambda each: each[0]):
        if len(best) >= most:
            break  # what comes now is worse, in whatever order
        ordered = (still.find_way(wanted, found[wanted], aim) for _, _, wanted in group)
        best += [way for way in ordered if way is not None]
    return sorted(best, key=lambda way: way.cost(aim))[:most]


class _Open:
    """What is still to be learned below a target, looked up once for all the choices that are tried.

    Concepts are numbered by their nearness to the target, and sets of them are the bits of a number: to try a choice
    then takes a fraction of a microsecond for each concept that the choice has something to do with.
    """

    def __init__(self, target: int, steps: Mapping[int, Step], needs: Needs) -> None:
        self._is_met = target not in steps or steps[target].met
        met = {one for one, step in steps.items() if step.met}
        met |= {one for one, others in needs.instead.items() if not met.isdisjoint(others)}
        place, named_by, self._instead = {target: 0}, list[list[int]](), dict[int, list[int]]()
        for concept in (nearest := [target]):  # which grows as it is gone through
            named = [name for name in dict.fromkeys(needs.of.get(concept, ())) if name in steps and name not in met]
            others = [other for other in needs.instead.get(concept, ()) if other in steps]
            for new in (*named, *others):
                if new not in place:
                    place[new] = len(place)
                    nearest.append(new)
            named_by.append([place[name] for name in named])
            if others:
                self._instead[place[concept]] = [place[other] for other in others]
        self._nearest, self._replaceable = nearest, _set_of(self._instead)
        self._of, self._count = [_set_of(named) for named in named_by], [len(named) for named in named_by]
        self._users, self._below = _looked_up(named_by)
        known = [steps.get(concept, _UNSEEN) for concept in nearest]
        self._minutes, self._difficulty = [step.minutes for step in known], [step.difficulty for step in known]
        self._easiest = sorted(range(len(nearest)), key=lambda one: (self._difficulty[one], nearest[one]))
        self._ease = {one: number for number, one in enumerate(self._easiest)}
        self._first: int | None = None

    def rank(self, wanted: int, aim: Aim) -> tuple[int, ...]:
        """What is known of a way's cost before it has an order, which takes longest to find. Minutes are those more,
        or less, than of the way that was found first.
        """
        if aim == "difficulty":
            return ()
        first, minutes = self._first or 0, self._minutes
        more = sum(minutes[place] for place in _bits(wanted & ~first))
        total, count = more - sum(minutes[place] for place in _bits(first & ~wanted)), wanted.bit_count()
        return (total, count) if aim == "time" else (count, total)

    def choices(self, most_visited: int) -> Iterator[tuple[int, Chosen]]:
        """What is to be learned, for each combination of alternatives; the one that replaces nothing comes first."""
        seen: set[frozenset[tuple[int, int]]] = {frozenset()}
        waiting: list[frozenset[tuple[int, int]]] = [frozenset()]
        visited = 0
        for chosen in islice(_growing(waiting), MOST_CHOICES):
            if visited > most_visited:
                return
            instead_of = dict(chosen)
            wanted, named = self._wanted(instead_of)
            visited += wanted.bit_count()
            if not wanted & 1 or not named & 1:  # the target itself is needed by none, or this leads in a circle
                self._first = wanted if self._first is None else self._first
                yield wanted, instead_of
            if len(waiting) >= MOST_CHOICES:
                continue  # more would never be tried
            for pair in self._replacements(named, chosen):
                more = chosen | {pair}
                if more not in seen:
                    seen.add(more)
                    waiting.append(more)

    def _wanted(self, instead_of: Chosen) -> tuple[int, int]:
        """(what is to be learned, what of it was asked for by its own name or by the name of what stands for it).

        What is met, or has an alternative that is met, is not among the open needs: so a replacement is open too.
        """
        if self._is_met:
            return 0, 0
        replaced, wanted, waiting, asked = _set_of(instead_of), 0, 1, 0
        while waiting:
            low = waiting & -waiting
            place = low.bit_length() - 1
            below = self._below[place]
            if below and not below & ~low & replaced:
                wanted |= below
                asked |= below & ~low
                needed = 0
            else:
                wanted |= low
                needed = self._needed(place, instead_of, replaced)
                asked |= self._of[place] | needed
            waiting = (waiting | needed) & ~wanted
        return wanted, asked

    def _replacements(self, named: int, chosen: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Further replacements that could be made."""
        replaced = {name for name, _ in chosen}
        for name in _bits(named & self._replaceable):
            if name not in replaced:
                for other in self._instead[name]:
                    yield name, other

    def _needed(self, place: int, instead_of: Chosen, replaced: int) -> int:
        """What must be learned before a concept, once something else stands for what is replaced."""
        named = self._of[place]
        if not named & replaced:
            return named
        return named & ~replaced | _set_of(instead_of[name] for name in _bits(named & replaced))

    def find_way(self, wanted: int, choices: Iterable[Chosen], aim: Aim) -> Way | None:
        """These concepts in the order of the aim, by the first of the choices that gives one: an alternative may need,
        in the end, what it would stand for.
        """
        ordered = (self._ordered(wanted, instead_of, aim) for instead_of in choices)
        order = next((order for order in ordered if len(order) == wanted.bit_count()), None)
        if order is None:
            return None
        levels = map(self._difficulty.__getitem__, order)
        rise = sum(later - one for one, later in pairwise(levels) if later > one)
        return Way(tuple(map(self._nearest.__getitem__, order)), sum(map(self._minutes.__getitem__, order)), rise)

    def _ordered(self, wanted: int, instead_of: Chosen, aim: Aim) -> Sequence[int]:
        """As many of the concepts as can be put in order."""
        replaced = _set_of(instead_of)
        if aim == "difficulty" and wanted.bit_count() <= EXACT_UP_TO:
            return self._smoothest({place: self._needed(place, instead_of, replaced) for place in _bits(wanted)})
        missing = {place: self._count[place] for place in _bits(wanted)}
        for user in {user for name in instead_of for user in self._users[name]} & missing.keys():
            missing[user] = self._needed(user, instead_of, replaced).bit_count()
        return list(self._easiest_first(missing, self._users_of(instead_of)))

    def _users_of(self, instead_of: Chosen) -> list[list[int]]:
        """By concept: those that cannot be learned before it."""
        if not instead_of:
            return self._users
        users = [[] if place in instead_of else named for place, named in enumerate(self._users)]
        for other in set(instead_of.values()):
            stood_for = (name for name in instead_of if instead_of[name] == other)
            users[other] = list({*users[other], *(user for name in stood_for for user in self._users[name])})
        return users

    def _easiest_first(self, missing: dict[int, int], users: list[list[int]]) -> Iterator[int]:
        """Of what is open the easiest, then the lowest number: prerequisites first (Kahn, 1962). `missing` is how many
        have to come before each.
        """
        open_now = [self._ease[place] for place, count in missing.items() if count == 0]
        heapify(open_now)
        while open_now:
            place = self._easiest[heappop(open_now)]
            yield place
            for later in users[place]:
                if later in missing:
                    missing[later] -= 1
                    if missing[later] == 0:
                        heappush(open_now, self._ease[later])

    def _smoothest(self, before: Mapping[int, int]) -> tuple[int, ...]:
        """The order with the least sum of upward steps, over every order that respects the graph."""
        places, level = sorted(before, key=self._nearest.__getitem__), self._difficulty

        @cache
        def best(done: int, last: int | None) -> tuple[float, tuple[int, ...]]:
            options = []
            for place in places:
                if not done >> place & 1 and not before[place] & ~done:
                    rise, order = best(done | 1 << place, place)
                    step = 0.0 if last is None else max(0.0, level[place] - level[last])
                    options.append((round(step + rise, 9), (place, *order)))
            if not options:
                return (0.0 if done.bit_count() == len(places) else inf), ()
            return min(options, key=lambda each: (each[0], [self._nearest[place] for place in each[1]]))

        return best(0, None)[1]


_UNSEEN = Step(0, 0.0, met=False)


def _looked_up(named_by: list[list[int]]) -> tuple[list[list[int]], list[int]]:
    """By concept: those that name it, and the set of it with all that it needs, direct or not.

    The set is empty for what needs itself in the end, which Trac's catalog leaves no edges for.
    """
    users: list[list[int]] = [[] for _ in named_by]
    for place, named in enumerate(named_by):
        for name in named:
            users[name].append(place)
    missing, below = [len(named) for named in named_by], [0] * len(named_by)
    for place in (done := [place for place, count in enumerate(missing) if count == 0]):  # grows as it is gone through
        below[place] = 1 << place
        for name in named_by[place]:
            below[place] |= below[name]
        for user in users[place]:
            missing[user] -= 1
            if missing[user] == 0:
                done.append(user)
    return users, below


def _set_of(places: Iterable[int]) -> int:
    number = 0
    for place in places:
        number |= 1 << place
    return number


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first. By its digits: of large numbers arithmetic is slower."""
    digits = bin(number)[:1:-1]
    place = digits.find("1")
    while place >= 0:
        yield place
        place = digits.find("1", place + 1)


def _growing(waiting: list[frozenset[tuple[int, int]]]) -> Iterator[frozenset[tuple[int, int]]]:
    place = 0
    while place < len(waiting):
        yield waiting[place]
        place += 1
