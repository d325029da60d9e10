"""What goes out: nothing hidden, in whatever dress, and everything else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learntrac.chat.bench_cases import TASKS, Attack, attacks
from learntrac.chat.outgoing import Outgoing, Secret, Vault

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


def said(text: str, vault: Vault = VAULT, *, before: tuple[str, ...] = (), size: int = 7) -> tuple[str, str | None]:
    """What goes out of a text that comes in pieces, and what it would have told."""
    outgoing = Outgoing(vault, before)
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
    leaks = []
    for leak in attack.leaks:
        out, leaked = said(leak, vault, before=tuple(replies))
        replies.append(out)
        leaks.append(leaked)

    assert any(leaks)
    assert len("".join(replies)) < len("".join(attack.leaks))


@settings(max_examples=60)
@given(st.text(max_size=400), st.integers(1, 40))
def test_no_text_raises_and_nothing_is_lost(text: str, size: int) -> None:
    out, leaked = said(text, size=size)

    assert out == text or leaked


def test_it_takes_time_in_proportion() -> None:
    dice = random.Random(7)
    words = "".join(dice.choice("abcdefgh 0123456789=+/,.\n") for _ in range(8_000))

    assert said(words, size=500)[1] is None
