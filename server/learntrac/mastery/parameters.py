"""What the learner model has learned: nine weights and tables of counts, as a JSON file that people can read. Pure.

The counts are of answers, never of people: no name and no id of a learner is in the file.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

FORMAT = "learntrac learner model 1"
MAX_TRIES = 6
"""A learning curve is told apart up to this many earlier tries of a skill."""
MAX_COUNT = 10**12
MAX_WEIGHT = 1000.0

_LONGER = (f"{tries}:{before}{last}" for tries in range(2, MAX_TRIES + 1) for before in "wr" for last in "wr")
HISTORIES = ("0", "1:w", "1:r", *_LONGER)
"""The cells of a learning curve: earlier tries of the skill (the last number means as many or more), then the last two
outcomes, w(rong) or r(ight), older first."""
LAST_TRIES = ("new", "failed", "passed")
"""How the learner's last try of the same item ended; the order is that of the rows of `ItemCounts.tries`."""

T = TypeVar("T")


class Weights(NamedTuple):
    """The weights of the model's terms, in logits; `tracing` says what each term is."""

    intercept: float
    learning_curve: float
    recent_form: float
    item_repeat: float
    overall_form: float
    skill_recency: float
    skill_form: float
    item_answers: float
    item_sequence: float


HAND_SET = Weights(-0.1, 0.4, 2.0, 0.3, 2.0, 0.4, 0.9, 0.0, 0.3)
"""The weights before anything is learned: set by hand, fitted on nobody's data."""
COLD_INTERCEPT_RATE = 0.03

Count = list[int]
"""Right answers, and all answers."""


@dataclass
class ItemCounts:
    """Answers to an item: by how the learner's last try of it ended, and by the item answered just before.

    `tries` has a count per `LAST_TRIES`; `following` is keyed by the item before and whether it was answered rightly.
    """

    tries: list[Count] = field(default_factory=lambda: [[0, 0] for _ in LAST_TRIES])
    following: dict[tuple[str, bool], Count] = field(default_factory=dict)


@dataclass
class Tables:
    """The counts of a log: of all answers, by skill and history, and by item. A skill has a count per `HISTORIES`."""

    total: Count = field(default_factory=lambda: [0, 0])
    skills: dict[str, list[Count]] = field(default_factory=dict)
    items: dict[str, ItemCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameters:
    """Everything that `fitting` learns and `tracing` needs. Without arguments: the shipped defaults.

    `intercept_rate` is how fast a learner's own intercept follows the misses, in logits per miss of 1.
    """

    weights: Weights = HAND_SET
    intercept_rate: float = COLD_INTERCEPT_RATE
    tables: Tables = field(default_factory=Tables)


def dumps(parameters: Parameters) -> str:
    """The text of the file: a line per skill and per item, the same for the same parameters."""
    tables = parameters.tables
    sections = (
        f'"format": {_compact(FORMAT)}',
        f'"weights": {json.dumps(parameters.weights._asdict(), indent=1)}',
        f'"intercept_rate": {_compact(parameters.intercept_rate)}',
        f'"answers": {_compact(tables.total)}',
        f'"skills": {_lines((name, _show_skill(counts)) for name, counts in tables.skills.items())}',
        f'"items": {_lines((name, _show_item(counts)) for name, counts in tables.items.items())}',
    )
    return "{\n" + ",\n".join(sections) + "\n}\n"


def loads(text: str) -> Parameters:
    """The parameters in a file's text. Raise ValueError, naming the place and what is wrong with it."""
    try:
        found = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    content = _object(found, "the file", {"format", "weights", "intercept_rate", "answers", "skills", "items"})
    if content["format"] != FORMAT:
        raise ValueError(f"format: expected {FORMAT!r}, got {content['format']!r}")
    tables = Tables(
        total=_count(content["answers"], "answers"),
        skills=_entries(content["skills"], "skills", _read_skill),
        items=_entries(content["items"], "items", _read_item),
    )
    rate = _number(content["intercept_rate"], "intercept_rate", 0, 1)
    return Parameters(_read_weights(content["weights"]), rate, tables)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _lines(entries: Iterable[tuple[str, object]]) -> str:
    lines = [f"  {_compact(name)}: {_compact(value)}" for name, value in sorted(entries, key=lambda entry: entry[0])]
    return "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"


def _show_skill(counts: list[Count]) -> dict[str, Count]:
    return {name: count for name, count in zip(HISTORIES, counts, strict=True) if count[1]}


def _show_item(counts: ItemCounts) -> dict[str, object]:
    shown: dict[str, object] = {name: count for name, count in zip(LAST_TRIES, counts.tries, strict=True) if count[1]}
    for outcome in (False, True):
        after = {item: count for (item, right), count in sorted(counts.following.items()) if right == outcome}
        if after:
            shown["after_right" if outcome else "after_wrong"] = after
    return shown


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return content


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number that can be used")


def _object(value: object, place: str, names: set[str] | None = None) -> dict[str, Any]:
    """A JSON object; `names`, where given, are exactly the ones it must have."""
    if not isinstance(value, dict):
        raise ValueError(f"{place}: expected an object")  # noqa: TRY004 - whatever is wrong with a file is a ValueError
    for name in sorted((names or set()) - value.keys()):
        raise ValueError(f"{place}: {name} is missing")
    for name in sorted(value.keys() - names if names is not None else ()):
        raise ValueError(f"{place}: {name} is unknown")
    return value


def _entries(value: object, place: str, read: Callable[[object, str], T]) -> dict[str, T]:
    return {name: read(entry, f"{place}/{name}") for name, entry in _object(value, place).items()}


def _count(value: object, place: str) -> Count:
    match value:
        case [int(right), int(answers)] if not any(isinstance(part, bool) for part in value):
            if 0 <= right <= answers <= MAX_COUNT:
                return [right, answers]
    raise ValueError(f"{place}: expected [right, answers] with 0 <= right <= answers, got {_compact(value)[:60]}")


def _read_weights(value: object) -> Weights:
    content = _object(value, "weights", set(Weights._fields))
    numbers = {name: _number(content[name], f"weights/{name}", -MAX_WEIGHT, MAX_WEIGHT) for name in Weights._fields}
    return Weights(**numbers)


def _number(value: object, place: str, lowest: float, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise ValueError(f"{place}: expected a number from {lowest:g} to {highest:g}, got {_compact(value)[:60]}")
    return float(value)


def _read_skill(value: object, place: str) -> list[Count]:
    counts = [[0, 0] for _ in HISTORIES]
    for name, count in _entries(value, place, _count).items():
        if name not in HISTORIES:
            raise ValueError(f"{place}: {name} is not a history such as {HISTORIES[-1]}")
        counts[HISTORIES.index(name)] = count
    return counts


def _read_item(value: object, place: str) -> ItemCounts:
    item = ItemCounts()
    for name, entry in _object(value, place).items():
        if name in LAST_TRIES:
            item.tries[LAST_TRIES.index(name)] = _count(entry, f"{place}/{name}")
        elif name in {"after_right", "after_wrong"}:
            after = _entries(entry, f"{place}/{name}", _count)
            item.following.update({(before, name == "after_right"): count for before, count in after.items()})
        else:
            raise ValueError(f"{place}: {name} is unknown")
    return item
