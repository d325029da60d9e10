"""The vectors that other languages verify by are what the server signs; and the guide's verifier in Python holds."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from learntrac.webhooks import signing
from tests.contract.servers import ROOT

VECTORS = json.loads((ROOT / "sdk" / "vectors" / "webhooks.json").read_text(encoding="utf-8"))
CASES = VECTORS["cases"]
GUIDE = (ROOT / "docs" / "guide" / "webhooks.md").read_text(encoding="utf-8")


def ids(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", [case for case in CASES if case["valid"]], ids=ids)
def test_the_server_signs_as_the_vectors_say(case: dict[str, Any]) -> None:
    told = (case["event"], case["timestamp"], case["data"])
    raw = signing.body(case["secrets"][0], *told)
    signed = signing.headers(
        case["secrets"],
        message_id=case["headers"]["webhook-id"],
        at_seconds=int(case["headers"]["webhook-timestamp"]),
        raw=raw,
    )

    assert signing.canonical(*told).decode() == case["canonical"]
    assert raw.decode() == case["body"]
    assert signed == case["headers"]


@pytest.mark.parametrize("case", [case for case in CASES if case["valid"]], ids=ids)
def test_the_canonical_json_is_what_the_standard_library_writes(case: dict[str, Any]) -> None:
    told = {name: case[name] for name in ("event", "timestamp", "data")}

    assert json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == case["canonical"]


@pytest.fixture(scope="module")
def verify() -> Callable[..., Any]:
    """The function of the guide's block in Python, as printed."""
    [block] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    found: Callable[..., Any] = names["verify"]
    return found


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_guides_verifier_takes_what_is_valid_and_nothing_else(
    case: dict[str, Any], verify: Callable[..., Any]
) -> None:
    raw = case["body"].encode()
    taken = [secret for secret in case["secrets"] if verify(secret, case["headers"], raw, now=case["now"]) is not None]

    assert taken == (case["secrets"] if case["valid"] else [])


def test_a_made_secret_is_one_of_standard_webhooks() -> None:
    secret = signing.make_secret()

    assert len(signing.key_of(secret)) == signing.SECRET_BYTES
    assert secret != signing.make_secret()
