"""Which provider is asked, and what it costs."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from learntrac.backends.llm import LanguageModel
from learntrac.backends.llm.budgets import Budgets
from learntrac.backends.llm.prices import FREE, Prices, prices_of
from learntrac.kit.metrics import Metrics

if TYPE_CHECKING:
    from learntrac.backends.llm.providers import Wire

ProviderName: TypeAlias = Literal["openai", "openai_compatible", "bedrock"]

_LISTED = {"openai": "openai", "bedrock": "aws"}
"""The providers in the price list that comes with Pydantic AI."""
_ADDRESS = re.compile(r"https?://[^/?#\s]+")
_SAMPLE_TOKENS = 1000
"""Some models cost more from a hundred thousand tokens on, which no prompt of ours has."""


class WrongSetting(ValueError):
    """Why a model cannot be used; `setting` is the name without its prefix."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(why)
        self.setting = setting


@dataclass(frozen=True)
class Choice:
    """A provider as it is configured. Prices are US dollars for a million tokens."""

    provider: ProviderName
    model: str | None
    base_url: str | None
    api_key: str | None
    embedding_model: str | None
    input_price: float | None
    output_price: float | None
    cached_price: float | None
    embedding_price: float | None
    timeout_seconds: float

    @property
    def wire(self) -> ProviderName:
        """The protocol: whoever gives OpenAI another address means a server that is compatible with it."""
        return "openai_compatible" if self.provider == "openai" and self.base_url else self.provider


def open_llm(choice: Choice, *, budgets: Budgets, metrics: Metrics) -> LanguageModel:
    """The model of a choice; nothing is sent before it is asked. Raises WrongSetting."""
    if choice.base_url is not None and not _ADDRESS.match(choice.base_url):
        raise WrongSetting("ai_base_url", "it must be http://host:port/path or https://…")
    if not choice.model:
        raise WrongSetting("ai_model", "say which model the provider is asked for")
    prices = find_prices(choice)
    embedding_prices = _embedding_prices(choice)
    # Two seconds of imports, for those only who have a provider.
    from learntrac.backends.llm.asking import AskedModel  # noqa: PLC0415

    return AskedModel(
        choice.wire,
        _wire(choice, choice.model),
        budgets=budgets,
        prices=prices,
        embedding_prices=embedding_prices,
        metrics=metrics,
        timeout_seconds=choice.timeout_seconds,
    )


def find_prices(choice: Choice) -> Prices:
    """What the model costs: as it is configured, or by the list. A server of one's own costs nothing.

    Raises WrongSetting for a provider's model that the list does not know: no ceiling would hold.
    """
    if choice.input_price is not None and choice.output_price is not None:
        return prices_of(choice.input_price, choice.output_price, cached=choice.cached_price)
    listed = FREE if choice.wire == "openai_compatible" else _listed(choice.wire, choice.model or "")
    if listed is None:
        raise WrongSetting(
            "ai_input_price", f"what {choice.model} costs is not known; give it and LEARNTRAC_AI_OUTPUT_PRICE"
        )
    return listed


def _embedding_prices(choice: Choice) -> Prices:
    if choice.embedding_price is not None:
        return prices_of(choice.embedding_price, 0)
    if choice.embedding_model is None or choice.wire == "openai_compatible":
        return FREE
    listed = _listed(choice.wire, choice.embedding_model)
    if listed is None:
        raise WrongSetting("ai_embedding_price", f"what {choice.embedding_model} costs is not known; give it")
    return listed


def _listed(provider: ProviderName, model: str) -> Prices | None:
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - the same

    def price(usage: Usage) -> float:
        found = calc_price(usage, model_ref=model, provider_id=_LISTED[provider]).total_price
        return float(found) * 1_000_000 / _SAMPLE_TOKENS

    try:
        return Prices(
            fresh=price(Usage(input_tokens=_SAMPLE_TOKENS)),
            cached=price(Usage(input_tokens=_SAMPLE_TOKENS, cache_read_tokens=_SAMPLE_TOKENS)),
            written=price(Usage(input_tokens=_SAMPLE_TOKENS, cache_write_tokens=_SAMPLE_TOKENS)),
            output=price(Usage(output_tokens=_SAMPLE_TOKENS)),
        )
    except LookupError:
        return None


def _wire(choice: Choice, model: str) -> "Wire":
    from learntrac.backends.llm import providers  # noqa: PLC0415 - the same

    more = providers.More(choice.embedding_model, choice.timeout_seconds)
    if choice.wire == "bedrock":
        try:
            return providers.bedrock(model, base_url=choice.base_url, more=more)
        except ValueError as error:
            raise WrongSetting("ai_provider", str(error)) from error
    if choice.wire == "openai":
        if choice.api_key is None:
            raise WrongSetting("ai_api_key", "OpenAI wants a key: set this, or OPENAI_API_KEY")
        return providers.openai(model, api_key=choice.api_key, more=more)
    if choice.base_url is None:
        raise WrongSetting("ai_base_url", "say where the server is, such as http://127.0.0.1:11434/v1")
    return providers.openai_compatible(model, base_url=choice.base_url, api_key=choice.api_key, more=more)
