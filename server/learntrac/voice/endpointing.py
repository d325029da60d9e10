"""Where speech begins and ends, from whether each moment of sound is speech. Pure.

A click is no beginning and a breath is no end: it begins when most of a short while was speech, and ends after a pause.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from learntrac.backends.speech.vad import FRAME_BYTES, FRAME_SECONDS, SpeechDetector

BEGINS_WITHIN_FRAMES, BEGINS_WITH_FRAMES = 8, 5
"""So many of the last frames must be speech: 100 ms out of 160. Who interrupts in chunks of 100 ms is then heard with
the second one at the latest, within 200 ms.
"""
PAUSE_SECONDS = 0.7
"""A pause inside a sentence is seldom longer."""
LONGEST_SECONDS = 60.0

Change = Literal["begin", "pause", "cut"]


@dataclass
class Endpointing:
    """Told frame by frame whether it is speech; says when an utterance begins and ends."""

    pause_seconds: float = PAUSE_SECONDS
    is_speaking: bool = False
    _lately: deque[bool] = field(default_factory=lambda: deque(maxlen=BEGINS_WITHIN_FRAMES))
    _silent_frames: int = 0
    _frames: int = 0

    def take(self, *, is_speech: bool) -> Change | None:
        """The next frame."""
        self._lately.append(is_speech)
        if not self.is_speaking:
            return self._begin() if sum(self._lately) >= BEGINS_WITH_FRAMES else None
        self._frames += 1
        self._silent_frames = 0 if is_speech else self._silent_frames + 1
        if self._silent_frames * FRAME_SECONDS >= self.pause_seconds:
            return self._end("pause")
        return self._end("cut") if self._frames * FRAME_SECONDS >= LONGEST_SECONDS else None

    def stop(self) -> None:
        """No more sound comes."""
        self._end("pause")

    def _begin(self) -> Change:
        self.is_speaking, self._frames, self._silent_frames = True, len(self._lately), 0
        return "begin"

    def _end(self, why: Change) -> Change:
        self.is_speaking = False
        self._lately.clear()
        return why


def has_speech(pcm: bytes) -> bool:
    """Whether anybody speaks in a recording: where nobody does, no engine has to listen."""
    detector, endpointing = SpeechDetector(), Endpointing()
    frames = (pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES))
    return any(endpointing.take(is_speech=detector.is_speech(frame)) for frame in frames)
