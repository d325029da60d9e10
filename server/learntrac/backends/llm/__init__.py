"""Language models: OpenAI, any server that speaks its protocol, or AWS Bedrock. Owns the table `ai_spending`.

Where none is configured there is no `LanguageModel` at all (`None`): the tutor then answers by retrieval, which is also
what it falls back to when a model is down or its budget is spent. A model is never called inside a transaction.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from learntrac.kit.errors import Unavailable

Shape = TypeVar("Shape", bound=BaseModel)


class ModelDown(Unavailable):
    """The model did not answer in time, or not as it was asked to. Whoever asked does without it.

    `reason` is for a log: what went wrong, without a secret and without a word of the prompt.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("The language model does not answer.", retry_after_seconds=10)
        self.reason = reason


class BudgetSpent(ModelDown):
    """A ceiling is reached, and nothing was sent: `ceiling` is user_day, day or month."""

    def __init__(self, ceiling: str) -> None:
        super().__init__(f"the budget is spent: {ceiling}")
        self.ceiling = ceiling


@dataclass(frozen=True)
class Message:
    """What somebody said before: `user` is the learner, `assistant` the tutor."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Prompt:
    """What a model is told.

    `course` comes first and is the same for many calls, byte for byte, so that providers charge less for it; `turn` is
    what holds for this call only (the gate's decision, the passages found). `messages` are oldest first and end with
    the learner's. The answer is cut at `max_tokens`.
    """

    course: str
    turn: str
    messages: tuple[Message, ...]
    max_tokens: int = 800


@dataclass(frozen=True)
class Usage:
    """What a call took, as the provider counts it, over all its attempts. `model` is the provider's name for what
    answered; `cached_tokens` are those of `input_tokens` that it had read before; `micro_usd` is a millionth of a US
    dollar, rounded up.
    """

    model: str
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Reply(Generic[Shape]):
    """A structured answer, valid by its schema."""

    value: Shape
    usage: Usage


@dataclass(frozen=True)
class Embedded:
    """One vector for each text, in order."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


class Stream(Protocol):
    """An answer as it comes: `async for delta in stream`. It is read once."""

    def __aiter__(self) -> AsyncIterator[str]: ...

    @property
    def usage(self) -> Usage:
        """What it took; known when the last delta has been read."""
        ...

    @property
    def is_cut(self) -> bool:
        """Whether the answer ended at `max_tokens` rather than by itself; known at its end."""
        ...


class LanguageModel(Protocol):
    """What a model can do. Every call is counted against the budgets before it is sent.

    `user_id` is whose budget pays; None: only the site's, as for what nobody in particular has asked. All attempts
    together end within `within_seconds`, by an answer or by ModelDown; None: within the setting `ai_timeout_seconds`,
    which leaves time for a fallback within ten seconds.
    """

    name: str
    """The provider: openai, openai_compatible or bedrock."""
    model: str
    """The model as it is configured. What answered is in `Usage.model`."""
    embedding_model: str | None
    """The model that `embed` asks, as it is configured; None: it is not offered."""

    async def ask(
        self, prompt: Prompt, schema: type[Shape], *, user_id: str | None, within_seconds: float | None = None
    ) -> Reply[Shape]:
        """An answer in the form of `schema`, whose docstring and field descriptions the model reads.

        What does not fit is asked for again with what was wrong: three attempts at most, whatever fails. Raises
        ModelDown and BudgetSpent.
        """
        ...

    def stream(
        self, prompt: Prompt, *, user_id: str | None, within_seconds: float | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """An answer in words, as it is made: `async with model.stream(…) as stream`.

        The connection to the provider ends with the block, so that whoever leaves it early, or is cancelled in it,
        pays for no more. Tried again only before the first delta. Raises ModelDown and BudgetSpent, after deltas too:
        what was said then is not the whole answer.
        """
        ...

    async def embed(
        self,
        texts: Sequence[str],
        *,
        user_id: str | None,
        kind: Literal["document", "query"] = "document",
        within_seconds: float | None = None,
    ) -> Embedded:
        """Vectors for texts that are to be found, or for what is searched: one for each, all of one length, finite.

        Raises ModelDown, also where none is offered, and BudgetSpent.
        """
        ...

    async def ping(self) -> None:
        """Return when the model is believed to answer, by its last calls: nothing is sent. Raises ModelDown."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...
