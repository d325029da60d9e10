"""What tokens cost, and how many a text can be at most."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.llm.opening import Choice, ProviderName, WrongSetting, find_prices
from learntrac.backends.llm.prices import FREE, Prices, Taken, most_tokens, prices_of

PRICES = Prices(fresh=2, cached=0.5, written=2.5, output=8)
COUNTS = st.integers(0, 10**7)


def choice(provider: ProviderName, model: str, **more: float | str | None) -> Choice:
    """A provider as somebody might configure it."""
    nothing = ("base_url", "api_key", "embedding_model", "input_price", "output_price", "cached_price")
    known: dict[str, float | str | None] = dict.fromkeys((*nothing, "embedding_price"), None)
    return Choice(provider=provider, model=model, timeout_seconds=9, **(known | more))  # type: ignore[arg-type]


def test_each_kind_of_token_has_its_price() -> None:
    assert PRICES.micro_usd(Taken(fresh=10, cached=100, written=4, output=3)) == 20 + 50 + 10 + 24
    assert PRICES.micro_usd(Taken(cached=1)) == 1, "rounded up"


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_nothing_costs_more_than_what_is_reserved_for_it(fresh: int, cached: int, written: int, output: int) -> None:
    most = PRICES.most_micro_usd(fresh + cached + written, output)

    assert PRICES.micro_usd(Taken(fresh, cached, written, output)) <= most


@given(st.text())
def test_a_text_is_never_more_tokens_than_are_reserved(text: str) -> None:
    assert most_tokens(text) >= len(text.encode("utf-8", "surrogatepass"))


def test_prices_that_are_given_win() -> None:
    own = choice("openai", "gpt-4o-mini", input_price=1.0, output_price=2.0)

    assert find_prices(own) == prices_of(1, 2) == Prices(1, 1, 1.25, 2)
    assert prices_of(1, 2, cached=0.1).cached == 0.1


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("bedrock", "amazon.nova-lite-v1:0"),
    ],
)
def test_known_models_have_their_listed_price(provider: ProviderName, model: str) -> None:
    prices = find_prices(choice(provider, model))

    assert 0 < prices.cached < prices.fresh < prices.output
    assert math.isclose(prices.fresh, {"gpt-4o-mini": 0.15, "amazon.nova-lite-v1:0": 0.06}.get(model, prices.fresh))


def test_a_server_of_ones_own_costs_nothing_until_somebody_says_so() -> None:
    assert find_prices(choice("openai", "llama3", base_url="http://127.0.0.1:11434/v1")) == FREE


def test_an_unknown_model_of_a_provider_needs_a_price() -> None:
    with pytest.raises(WrongSetting, match="what gpt-99 costs is not known") as wrong:
        find_prices(choice("openai", "gpt-99"))

    assert wrong.value.setting == "ai_input_price"
