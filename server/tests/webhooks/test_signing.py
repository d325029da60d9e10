"""The vectors that other languages verify by are what the server signs."""

import json
from typing import Any

import pytest

from learntrac.webhooks import signing
from tests.contract.servers import ROOT

VECTORS = json.loads((ROOT / "sdk" / "vectors" / "webhooks.json").read_text(encoding="utf-8"))
CASES = VECTORS["cases"]


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


def test_a_made_secret_is_one_of_standard_webhooks() -> None:
    secret = signing.make_secret()

    assert len(signing.key_of(secret)) == signing.SECRET_BYTES
    assert secret != signing.make_secret()
