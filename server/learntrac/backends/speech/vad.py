"""Whether a moment of sound is speech, by its loudness against a noise floor that follows the room. Pure.

A frame is speech when it is `ABOVE_FLOOR_DB` louder than the quietest moment of the last `WINDOW_SECONDS`: speech has
gaps, a fan has none (minimum statistics, R. Martin, 2001, with one number instead of a spectrum). What an engine needs
is where speech begins and ends, not its nature. Silero's model is far more work, and WebRTC's detector keeps a state
that cannot be handed to another worker.
"""

import math
from array import array
from dataclasses import dataclass, field
from operator import mul

FRAME_SECONDS = 0.02
FRAME_BYTES = 640
"""20 ms at 16 kHz, 16 bits."""
ABOVE_FLOOR_DB = 9.0
QUIETEST_SPEECH_DB = -52.0
"""Of full scale; below is the noise of a good microphone."""
FIRST_FLOOR_DB = -55.0
PART_FRAMES = 10
WINDOW_PARTS = 9
WINDOW_SECONDS = PART_FRAMES * WINDOW_PARTS * FRAME_SECONDS
_FIRST_PARTS = 3


@dataclass
class SpeechDetector:
    """Told frame after frame of one stream. `parts` is all it remembers: the quietest level of each 0.2 s, the last of
    them unfinished. With it another worker goes on.
    """

    parts: list[float] = field(default_factory=lambda: [FIRST_FLOOR_DB] * _FIRST_PARTS)
    frames: int = 0

    def is_speech(self, frame: bytes) -> bool:
        """Whether this frame of 20 ms is speech."""
        level = loudness_db(frame)
        if self.frames % PART_FRAMES == 0:
            self.parts = [*self.parts[-(WINDOW_PARTS - 1) :], level]
            if self.frames == _FIRST_PARTS * PART_FRAMES:
                self.parts = self.parts[_FIRST_PARTS:]
        self.frames += 1
        self.parts[-1] = min(self.parts[-1], level)
        return level > max(min(self.parts) + ABOVE_FLOOR_DB, QUIETEST_SPEECH_DB)


def loudness_db(pcm: bytes) -> float:
    """The mean power of 16-bit samples against full scale, without what does not move (a microphone's offset)."""
    samples = array("h", pcm[: len(pcm) - len(pcm) % 2])
    if not samples:
        return -100.0
    mean = sum(samples) / len(samples)
    power = sum(map(mul, samples, samples)) / len(samples) - mean * mean
    return 10 * math.log10(power / 32768**2) if power > 1 else -100.0
