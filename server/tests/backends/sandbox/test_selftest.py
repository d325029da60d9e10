"""What a tier's own test makes of the answers it gets."""

from collections.abc import Iterator

import pytest

from learntrac.backends.sandbox import Answer, Call, Ran, Run, boxed, selftest
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.selftest import KEPT_OUT, Ask, Attack, Undecided

ATTACKS = (Attack("reaches out", "a"), Attack("never ends", "b", ("timeout",)))
HONEST = Answer("returned", value=42)
KEPT = Answer("returned", value=KEPT_OUT)
TIMEOUT = Answer("timeout")


def answering(*answers: Answer) -> Ask:
    """Each run gets the next of these answers."""
    left: Iterator[Answer] = iter(answers)

    async def ask(run: Run) -> Ran:
        assert run.calls == (Call("attack"),)
        return Ran((next(left),), 0.0, 0.0)

    return ask


async def test_a_tier_that_keeps_everything_out_is_used() -> None:
    assert await selftest.failures(ATTACKS, "python", "", answering(HONEST, KEPT, TIMEOUT)) is None


async def test_whatever_gets_through_is_named() -> None:
    through = answering(HONEST, Answer("returned", value="through"))

    assert await selftest.failures(ATTACKS, "python", "", through) == "a submission that reaches out was not stopped"


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ((TIMEOUT,), "an honest program was not answered: timeout"),
        ((HONEST, TIMEOUT), "a submission that reaches out was not answered in time"),
    ],
)
async def test_a_machine_that_is_too_busy_decides_nothing(answers: tuple[Answer, ...], why: str) -> None:
    with pytest.raises(Undecided, match=why):
        await selftest.failures(ATTACKS, "python", "", answering(*answers))


async def test_what_was_not_decided_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    test, tries = selftest.failures, 0

    async def busy(attacks: tuple[Attack, ...], language: str, honest: str, ask: Ask) -> str | None:
        nonlocal tries
        tries += language == "javascript"
        if language != "javascript" or tries < 3:
            raise Undecided("busy")
        return await test(attacks, language, honest, ask)

    monkeypatch.setattr(selftest, "failures", busy)
    monkeypatch.setattr(boxed, "TESTED_AGAIN_AFTER_SECONDS", (0.0, 0.0, 0.0))
    sandbox = BoxedSandbox(None, afresh=True)
    await sandbox.opened()
    refused = {tier.language: tier.refused for tier in sandbox.tiers()}
    await sandbox.close()

    assert (refused["javascript"], refused["python"]) == (None, "busy")
    assert tries == 3
