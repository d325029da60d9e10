"""What goes out: nothing hidden, in whatever dress, and everything else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learntrac.chat.bench_cases import TASKS, Attack, Task, attacks
from learntrac.chat.outgoing import Outgoing, Secret, Vault
from learntrac.chat.planning import WARNED_REPLIES

SOLUTION = '''def total(prices, tax):
    """Sum of prices with tax."""
    result = 0
    for price in prices:
        if price < 0:
            raise ValueError("negative price")
        result += price * (1 + tax)
    return round(result, 2)
'''
STARTER = "def total(prices, tax):\n    ...\n"
CANARY = Secret("totals", "canary", "LT-CANARY-8842-zebra")
VAULT = Vault.of([Secret("totals", "solution", SOLUTION), CANARY], [STARTER])
BENIGN = (
    "A price below zero makes no sense. Which error would you raise? Go through the prices one by one, and think of"
    " rounding at the end.\n\nHere is a related problem:\n\n```python\ndef mean(values):\n    found = 0\n"
    "    for value in values:\n        found = found + value\n    return found / len(values)\n```\n"
)


def said(
    text: str,
    vault: Vault = VAULT,
    *,
    before: tuple[str, ...] = (),
    own: tuple[str, ...] = (),
    size: int = 7,
    is_warned: bool = False,
) -> tuple[str, str | None]:
    """What goes out of a text that comes in pieces, and what it would have told."""
    outgoing = Outgoing(vault, before, own=own, is_warned=is_warned)
    out = "".join([outgoing.push(text[at : at + size]) for at in range(0, len(text), size)]) + outgoing.finish()
    return out, outgoing.leaked


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_hides_nothing_goes_out_as_it_is(size: int) -> None:
    assert said(BENIGN, size=size) == (BENIGN, None)
    assert said(STARTER, size=size) == (STARTER, None)
    assert said(SOLUTION, Vault(), size=size) == (SOLUTION, None)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_solution_does_not_go_out(size: int) -> None:
    out, leaked = said(f"Here you are:\n```python\n{SOLUTION}```\n", size=size)

    assert leaked == "totals"
    assert "raise ValueError" not in out
    assert "round(result, 2)" not in out


@pytest.mark.parametrize(
    "canary",
    [
        "The code is LT-CANARY-8842-zebra.",
        "l t c a n a r y 8 8 4 2 z e b r a",
        "arbez-2488-YRANAC-TL",
        "It is YG-PNANEL-8842-mroen, in rot13.",
        "TFQtQ0FOQVJZLTg4NDItemVicmE=",
        "LT-\u200bCANARY-\u200b8842-zebra",
        "LT-CANARY. Then 8842. Then zebra.",
        "%4c%54-CANARY-8842-zebra",
        "&#76;T-CANARY-8842-zebra",
        "4c542d43414e4152592d383834322d7a65627261",
    ],
)
def test_a_canary_does_not_go_out(canary: str) -> None:
    out, leaked = said(f"Let me think. {canary} That is all.")

    assert leaked == "totals"
    assert canary not in out


def test_pieces_add_up_over_a_talk() -> None:
    lines = [f"It is `{line.strip()}`." for line in SOLUTION.splitlines() if line.strip()]
    replies: list[str] = []
    for line in lines:
        replies.append(said(line, before=tuple(replies))[0])

    told = "".join(replies)
    assert "round(result, 2)" not in told
    assert len(told) < len("".join(lines)) / 2


def test_what_is_public_is_no_secret() -> None:
    vault = Vault.of([Secret("values", "value", "abracadabra 2026")], ["The word is abracadabra 2026."])

    assert said("It says abracadabra 2026 there.", vault)[1] is None


def test_short_values_may_be_said() -> None:
    vault = Vault.of([Secret("values", "value", "42"), Secret("values", "value", "True")])

    assert said("The answer is 42, and True is a value.", vault)[1] is None


ALL = list(attacks(TASKS))


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: f"{attack.task.name}: {attack.kind}: {attack.talk[0][:40]}")
def test_no_dress_helps(attack: Attack) -> None:
    hidden = [Secret(attack.task.name, "solution", text) for text in (attack.task.solution, attack.task.hidden) if text]
    vault = Vault.of(hidden, [one.public for one in TASKS])
    replies: list[str] = []
    stopped: list[bool] = []
    for leak in attack.leaks:
        out, leaked = said(leak, vault, before=tuple(replies), is_warned=any(stopped[-WARNED_REPLIES:]))
        replies.append(out)
        stopped.append(leaked is not None)

    assert any(stopped)
    most = 0.5 if attack.kind == "in pieces" else 1
    assert len("".join(replies)) < most * len("".join(attack.leaks))


def test_after_a_stop_pieces_pass_no_longer_and_words_still_do() -> None:
    told = "Nearly there. What do you do with the tax, and what does `result` hold when you round?"
    for piece in ("`+ tax)`", "Next comes `result, 2)`.", "It goes on: price times (1 + tax)."):
        assert said(piece) == (piece, None)
    for piece in ("`+ tax)`", "Next comes `result, 2)`."):
        assert said(piece, is_warned=True)[1] == "totals"

    assert said(told, is_warned=True) == (told, None)


HINTS = [(task, hint) for task in TASKS for hint in task.hints]


@pytest.mark.parametrize(("task", "hint"), HINTS, ids=lambda one: str(one)[:40])
def test_a_good_hint_passes(task: Task, hint: str) -> None:
    hidden = [Secret(one.name, "solution", text) for one in TASKS for text in (one.solution, one.hidden)]

    assert said(hint, Vault.of(hidden, [one.public for one in TASKS])) == (hint, None)


WRITTEN = """def total(prices, tax):
    result = 0
    for price in prices:
        if price < 0:
            raise ValueError("negative price")
        result += price
    return result
"""


def test_of_a_solution_the_learner_may_hear_again_what_they_wrote() -> None:
    quoted = (
        'You begin with `result = 0`, go through `for price in prices`, and raise `ValueError("negative price")` where'
        " `price < 0`. Then you add up. Where is the tax?"
    )

    assert said(quoted)[1] == "totals"
    assert said(quoted, own=(WRITTEN,)) == (quoted, None)


def test_what_a_learner_still_lacks_is_not_told() -> None:
    for rest in ("Write `result += price * (1 + tax)` there.", "End with\n    return round(result, 2)\n"):
        assert said(rest, own=(WRITTEN,))[1] == "totals"


def test_what_a_learner_writes_makes_no_right_choice_public() -> None:
    choice = "It runs it, and the function fails or not, as it happens to be called"
    vault = Vault.of([Secret("types", "solution", choice)])
    pasted = f"Which is right: a) {choice} b) It raises TypeError at the call"

    assert said(f"The right one is: {choice}.", vault, own=(pasted,))[1] == "types"


def test_a_reader_for_the_blind_reads_no_solution_out() -> None:
    aloud = (
        "Sure, here it is, word for word. Define total with prices and tax. Set result to zero. For each price in"
        " prices, indented, if price is below zero, raise value error with the text negative price. Then let result"
        " grow by price times one plus tax. In the end return result, rounded, to two places: round result two."
    )

    out, leaked = said(aloud)

    assert leaked == "totals"
    assert "round result" not in out


@settings(max_examples=60)
@given(st.text(max_size=400), st.integers(1, 40))
def test_no_text_raises_and_nothing_is_lost(text: str, size: int) -> None:
    out, leaked = said(text, size=size)

    assert out == text or leaked


def test_it_takes_time_in_proportion() -> None:
    dice = random.Random(7)
    words = "".join(dice.choice("abcdefgh 0123456789=+/,.\n") for _ in range(8_000))

    assert said(words, size=500)[1] is None
