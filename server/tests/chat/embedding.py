"""A model for embeddings that knows a few words which mean the same, behind OpenAI's protocol on this machine."""

import base64
import hashlib
import random
import re
import struct
from collections.abc import Sequence

from tests.backends.llm.wire import Act, Exchange, json_reply

DIMENSIONS = 256
SAME = (
    "function small named piece reusable chunk subroutine",
    "handler attend attendant",
    "code status number figure",
    "mistake error wrong failure problem",
    "method get put verb kind",
    "server client talk machine conversation",
    "odd end leftover miscellany",
)
"""Words that mean the same to this model."""
_SILENT = "a an and are as at back be by for from how i in is it of on or so that the their they to what"
SILENT = frozenset(_SILENT.split())
_MEANING = {word: line.split()[0] for line in SAME for word in line.split()}


def embed(text: str) -> list[float]:
    """The vector of a text: the sum of its words' directions, where words that mean the same have the same one."""
    total = [0.0] * DIMENSIONS
    for word in re.findall(r"[a-zé]+", text.lower()):
        if word not in SILENT:
            known = word.removesuffix("s")
            seed = hashlib.sha256(_MEANING.get(known, known).encode()).digest()
            dice = random.Random(seed)
            total = [one + dice.gauss(0, 1) for one in total]
    return total if any(total) else [1.0] + [0.0] * (DIMENSIONS - 1)


async def answer(exchange: Exchange) -> None:
    """Answer a request for vectors, as base64 where that is asked for, as OpenAI's own client does."""
    body = exchange.received.json
    await reply(body, [embed(text) for text in body["input"]])(exchange)


def reply(body: dict[str, object], vectors: Sequence[Sequence[float]]) -> Act:
    """These vectors, in the protocol."""

    def written(vector: Sequence[float]) -> object:
        packed = struct.pack(f"<{len(vector)}f", *vector)
        return base64.b64encode(packed).decode() if body.get("encoding_format") == "base64" else list(vector)

    data = [{"object": "embedding", "index": at, "embedding": written(one)} for at, one in enumerate(vectors)]
    usage = {"prompt_tokens": 7 * len(vectors), "total_tokens": 7 * len(vectors)}
    return json_reply({"object": "list", "data": data, "model": "meaning-1", "usage": usage})
