"""One real call to a language model, for an operator who wants to know whether it works and what it costs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, Field

from learntrac.backends.llm import LanguageModel, Message, ModelDown, Prompt, Usage
from learntrac.backends.llm.budgets import Budgets


class Greeting(BaseModel):
    """An answer that shows that answers come in the form that is asked for."""

    greeting: str = Field(description="A friendly greeting of at most five words", max_length=200)


PROMPT = Prompt(
    course="You are the tutor of a course. An operator tries whether you can be reached.",
    turn="Answer in the form that is asked for.",
    messages=(Message("user", "Are you there?"),),
    max_tokens=1000,
)


@dataclass(frozen=True)
class TriedModel:
    """What came of it; `problem` says why there was no answer. Money is in millionths of a US dollar."""

    model: str
    provider: str
    seconds: float
    usage: Usage | None = None
    answer: str = ""
    today_micro_usd: int = 0
    daily_micro_usd: int = 0
    problem: str | None = None

    def lines(self) -> Iterator[tuple[str, str]]:
        """Names and values to show."""
        yield "Model", f"{self.model} at {self.provider}"
        if self.usage is None:
            yield "No answer", f"{self.problem} (after {self.seconds:.1f} s)"
            return
        used = self.usage
        yield "Answer", f"{self.answer!r} by {used.model} within {self.seconds:.1f} s"
        yield "Tokens", f"{used.input_tokens} in, {used.cached_tokens} of them cached, and {used.output_tokens} out"
        yield "Cost", _usd(used.micro_usd)
        yield "Today", f"{_usd(self.today_micro_usd)} of at most {_usd(self.daily_micro_usd)} for everybody together"


async def ask_once(model: LanguageModel, budgets: Budgets) -> TriedModel:
    """Ask for a greeting, counted as any other call."""
    begun = time.monotonic()
    try:
        reply = await model.ask(PROMPT, Greeting, user_id=None)
    except ModelDown as down:
        return TriedModel(model.model, model.name, time.monotonic() - begun, problem=down.reason)
    return TriedModel(
        model.model,
        model.name,
        time.monotonic() - begun,
        usage=reply.usage,
        answer=reply.value.greeting,
        today_micro_usd=(await budgets.today()).micro_usd,
        daily_micro_usd=budgets.ceilings.day,
    )


def _usd(micro_usd: int) -> str:
    return f"${micro_usd / 1_000_000:.6f}".rstrip("0").rstrip(".")
