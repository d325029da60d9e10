"""What of a spoken answer has been heard. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Sentence:
    """A sentence of the answer, and how long its sound lasts as far as it is made."""

    text: str
    seconds: float = 0.0


def heard_part(sentences: Sequence[Sentence], heard_seconds: float) -> str:
    """The text up to the moment at which the sound was stopped: whole sentences, and of the one that was being spoken
    as many words as fit its share, with an ellipsis. Speech is taken to be even within a sentence.
    """
    parts, left = [], heard_seconds
    for sentence in sentences:
        if left <= 0:
            break
        if left < sentence.seconds:
            parts.append(_words(sentence, left))
        elif sentence.seconds > 0:
            parts.append(sentence.text)
        left -= sentence.seconds
    return " ".join(part for part in parts if part)


def _words(sentence: Sentence, heard_seconds: float) -> str:
    words = sentence.text.split()
    heard = words[: int(len(words) * heard_seconds / sentence.seconds)]
    return " ".join(heard) + " …" if heard else ""
