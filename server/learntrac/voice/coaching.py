"""Real-time feedback on how somebody speaks: pace, unclear speech, silence. Pure.

It is about the line and the microphone as much as about the speaker, so it says what would help and judges nobody.
"""

from dataclasses import dataclass
from typing import Literal

FAST_WORDS_PER_MINUTE = 190.0
SLOW_WORDS_PER_MINUTE = 70.0
FEWEST_WORDS = 6
"""Of fewer words a pace says nothing."""
UNCLEAR_CONFIDENCE = 0.4
SILENCE_SECONDS = 8.0
"""A learner who thinks needs three seconds and more; only a long silence is worth a word."""


@dataclass(frozen=True)
class Feedback:
    """`value` is words a minute, confidence or seconds, by `kind`."""

    kind: Literal["pace", "unclear_speech", "silence"]
    value: float
    message: str


def on_pace(text: str, spoken_seconds: float) -> Feedback | None:
    """Whether that was too fast or too slow to be understood well."""
    words = len(text.split())
    if words < FEWEST_WORDS or spoken_seconds <= 0:
        return None
    pace = round(60 * words / spoken_seconds, 1)
    if pace > FAST_WORDS_PER_MINUTE:
        return Feedback("pace", pace, "That was fast. A little slower, and I understand you better.")
    if pace < SLOW_WORDS_PER_MINUTE:
        return Feedback("pace", pace, "Take your time. Short phrases are understood best.")
    return None


def on_clearness(text: str, confidence: float) -> Feedback | None:
    """Whether what was heard may well be wrong."""
    if not text:
        return Feedback("unclear_speech", 0.0, "I could not make out any words. Please come closer to the microphone.")
    if confidence < UNCLEAR_CONFIDENCE:
        return Feedback("unclear_speech", round(confidence, 3), "I am not sure that I heard this right.")
    return None


def on_silence(seconds: float) -> Feedback | None:
    """Whether nobody has spoken for long."""
    if seconds < SILENCE_SECONDS:
        return None
    return Feedback("silence", round(seconds, 1), "I am listening. Say it in your own words.")
