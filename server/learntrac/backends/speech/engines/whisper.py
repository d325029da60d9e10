"""The process that hears with faster-whisper, where an operator has installed it and brought a model."""

import time
from array import array
from typing import Any

from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame

LONGEST_PROMPT = 800
"""Characters of the course that the model is shown; it takes 224 tokens."""
PARTIAL_EVERY_SECONDS = 2.0
PAUSE_TIMES = 3
"""So many times as long as a partial text took is the sound before the next."""
SAMPLE_RATE = 16_000
ROUGHLY = {"beam_size": 1, "temperature": 0.0, "without_timestamps": True}
"""The first guess will do for words that are replaced two seconds later."""


def load(model: str) -> Task:
    """The model from its folder; none is fetched. Raises ImportError where faster-whisper is not installed."""
    from faster_whisper import WhisperModel  # noqa: I001, PLC0415 - an extra, named first where it is missing
    import numpy  # noqa: PLC0415 - comes with it

    # "auto" is the quickest arithmetic that the machine has: on a processor, 8 bits.
    ears = WhisperModel(model, device="auto", compute_type="auto", local_files_only=True)

    def task(first: Frame, asked: Asked) -> None:
        pcm, next_at = bytearray(), PARTIAL_EVERY_SECONDS
        while (frame := asked.next()) is not None and frame.head["do"] == "feed":
            pcm += frame.data
            seconds = len(pcm) / 2 / SAMPLE_RATE
            if first.head["partials"] and seconds >= next_at:
                begun = time.monotonic()
                asked.tell({"partial": _hear(ears, numpy, pcm, first.head, roughly=True)["text"]})
                # Sound goes on coming meanwhile: a slow machine must not fall behind, or the end is heard late.
                next_at = seconds + max(PARTIAL_EVERY_SECONDS, PAUSE_TIMES * (time.monotonic() - begun))
        asked.tell({"done": _hear(ears, numpy, pcm, first.head)})

    return task


def _hear(ears: Any, numpy: Any, pcm: bytearray, head: dict[str, Any], *, roughly: bool = False) -> dict[str, Any]:
    sound = numpy.array(array("h", bytes(pcm[: len(pcm) - len(pcm) % 2])), dtype=numpy.float32) / 32768
    prompt = " ".join(head["phrases"])[:LONGEST_PROMPT] or None
    language = head["language"].partition("-")[0].lower()
    known = language if language in ears.supported_languages else None
    how = ROUGHLY if roughly else {"word_timestamps": True}
    segments, told = ears.transcribe(sound, language=known, initial_prompt=prompt, **how)
    found = list(segments)
    words = [
        {
            "text": word.word.strip(),
            "start_seconds": float(word.start),
            "end_seconds": float(word.end),
            "confidence": float(word.probability),
        }
        for segment in found
        for word in segment.words or ()
    ]
    text = " ".join(segment.text.strip() for segment in found)
    return {"text": text, "words": words, "language": None if known else told.language}
