"""Achievements: which there are, and what earns each. Pure.

A rule looks at what the server itself has seen: graded answers, and times by its own clock. What a client reports of
itself (time spent, quiz score, "mastered") earns nothing. An active day is a day (UTC) with a graded answer or with a
session that was worked through.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_STEP_SHARE = 0.1
"""A session counts as a first step once it lasted this share of the concept's estimate, or brought a graded answer."""
COMEBACK_DAYS = 14
DEEP_LEVEL = 4.0


@dataclass(frozen=True)
class Figures:
    """What rules look at, for one learner. `days` are their active days, ascending, each once.

    `worked_through`: concepts completed with a graded answer or after a tenth of the estimated time.
    `mastered_levels`: difficulty of each mastered concept. `quickest`: the least share of a concept's estimate within
    which it was begun, answered and mastered. `milestones`: those all of whose concepts (two at least) are mastered.
    `milestone_share`: the greatest share of a milestone that is mastered. `reviews`: graded right answers to concepts
    that had been mastered for a day or longer. `solved`: the type of each completed exercise; `unaided`: those
    that were completed without a hint.
    """

    worked_through: int = 0
    mastered_levels: tuple[float, ...] = ()
    quickest: float | None = None
    milestones: tuple[str, ...] = ()
    milestone_share: float = 0.0
    reviews: int = 0
    days: tuple[date, ...] = ()
    solved: tuple[str, ...] = ()
    unaided: int = 0

    def streak(self) -> int:
        """The longest run of active days."""
        best = run = 0
        for place, day in enumerate(self.days):
            run = run + 1 if place and day - self.days[place - 1] == timedelta(days=1) else 1
            best = max(best, run)
        return best

    def longest_break(self) -> int:
        """The most days without activity between two active days."""
        return (
            max((later - earlier).days - 1 for earlier, later in zip(self.days, self.days[1:], strict=False))
            if (len(self.days) > 1)
            else 0
        )


@dataclass(frozen=True)
class Rule:
    """An achievement: earned once `figure` reaches `target`; `unit` says what is counted."""

    id: str
    title: str
    description: str
    target: float
    unit: str
    figure: Callable[[Figures], float]


@dataclass(frozen=True)
class Reached:
    """How far a learner is with a rule; `progress` is 0 to 1, and 1 only where it is earned."""

    rule: Rule
    value: float
    progress: float


def _deep(figures: Figures) -> float:
    return sum(1 for level in figures.mastered_levels if level >= DEEP_LEVEL)


def _quick(figures: Figures) -> float:
    return 1 if figures.quickest is not None and figures.quickest < 1 else 0


def _mastered(figures: Figures) -> float:
    return len(figures.mastered_levels)


def _designs(figures: Figures) -> float:
    return figures.solved.count("design")


def _bugs(figures: Figures) -> float:
    return figures.solved.count("debug")


RULES: tuple[Rule, ...] = (
    Rule("first_step", "First Step", "Worked through a first concept", 1, "concepts", lambda f: f.worked_through),
    Rule("first_mastery", "First Mastery", "Mastered a first concept", 1, "concepts", _mastered),
    Rule("five_mastered", "Five Mastered", "Mastered five concepts", 5, "concepts", _mastered),
    Rule("twenty_mastered", "Twenty Mastered", "Mastered twenty concepts", 20, "concepts", _mastered),
    Rule("fast_learner", "Fast Learner", "Mastered a concept in less than its estimated time", 1, "concepts", _quick),
    Rule("deep_diver", "Deep Diver", "Mastered three concepts of difficulty 4 or more", 3, "concepts", _deep),
    Rule(
        "milestone_complete",
        "Milestone Complete",
        "Mastered every concept of a milestone",
        1,
        "share of a milestone",
        lambda f: 1 if f.milestones else min(f.milestone_share, 0.99),
    ),
    Rule("first_exercise", "First Exercise", "Solved a first exercise", 1, "exercises", lambda f: len(f.solved)),
    Rule("ten_exercises", "Ten Exercises", "Solved ten exercises", 10, "exercises", lambda f: len(f.solved)),
    Rule(
        "first_design", "Designer", "Solved a first design exercise", 1, "exercises", lambda f: f.solved.count("design")
    ),
    Rule(
        "bug_hunter",
        "Bug Hunter",
        "Solved three debugging exercises",
        3,
        "exercises",
        lambda f: f.solved.count("debug"),
    ),
    Rule("all_rounder", "All-Rounder", "Solved an exercise of each type", 4, "types", lambda f: len(set(f.solved))),
    Rule("unaided", "On Your Own", "Solved five exercises without a hint", 5, "exercises", lambda f: f.unaided),
    Rule("three_days", "Three Days", "Active on three days in a row", 3, "days", lambda f: f.streak()),
    Rule("week_streak", "A Week in a Row", "Active on seven days in a row", 7, "days", lambda f: f.streak()),
    Rule(
        "comeback",
        "Comeback",
        "Came back after two weeks or more without learning",
        COMEBACK_DAYS,
        "days away",
        lambda f: f.longest_break(),
    ),
    Rule(
        "reviewer",
        "Reviewer",
        "Answered ten reviews of mastered concepts right",
        10,
        "right answers",
        lambda f: f.reviews,
    ),
)
BY_ID = {rule.id: rule for rule in RULES}


def reached(figures: Figures) -> list[Reached]:
    """How far these figures go towards each rule, in the order of the rules."""
    found = []
    for rule in RULES:
        value = rule.figure(figures)
        found.append(Reached(rule, value, min(1.0, value / rule.target)))
    return found


def earned(figures: Figures, *, before: Iterable[str]) -> list[Reached]:
    """What is earned now and was not before."""
    known = set(before)
    return [one for one in reached(figures) if one.progress >= 1 and one.rule.id not in known]
