"""A conversation as bytes, for the next process that serves it. Pure."""

from dataclasses import asdict
from typing import Any

from learntrac.voice.chunks import Chunk, Chunks
from learntrac.voice.conversation import Answer, Conversation, Utterance
from learntrac.voice.playback import Sentence


def dumped(conversation: Conversation) -> dict[str, Any]:
    """Its state, of plain values."""
    return asdict(conversation)


def loaded(state: dict[str, Any]) -> Conversation:
    """The conversation that was in this state."""
    chunks, said, answer = state["chunks"], state["said"], state["answer"]
    held = [Chunk(**one) for one in chunks["held"]]
    return Conversation(
        **state
        | {
            "chunks": Chunks(**chunks | {"held": held}),
            "said": [Utterance(**one) for one in said],
            "answer": answer and _answer(answer),
        }
    )


def _answer(state: dict[str, Any]) -> Answer:
    return Answer(**state | {"sentences": [Sentence(**one) for one in state["sentences"]]})
