"""The process that hears with faster-whisper, where an operator has installed it and brought a model."""

from array import array
from typing import Any

from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame

LONGEST_PROMPT = 800
"""Characters of the course that the model is shown; it takes 224 tokens."""
PARTIAL_EVERY_SECONDS = 2.0
SAMPLE_RATE = 16_000


def load(model: str) -> Task:
    """The model from its folder; none is fetched. Raises ImportError where faster-whisper is not installed."""
    from faster_whisper import WhisperModel  # noqa: I001, PLC0415 - an extra, named first where it is missing
    import numpy  # noqa: PLC0415 - comes with it

    ears = WhisperModel(model, device="auto", compute_type="default", local_files_only=True)

    def task(first: Frame, asked: Asked) -> None:
        pcm, told_at = bytearray(), 0.0
        while (frame := asked.next()) is not None and frame.head["do"] == "feed":
            pcm += frame.data
            seconds = len(pcm) / 2 / SAMPLE_RATE
            if seconds - told_at >= PARTIAL_EVERY_SECONDS:
                told_at = seconds
                asked.tell({"partial": _hear(ears, numpy, pcm, first.head)["text"]})
        asked.tell({"done": _hear(ears, numpy, pcm, first.head)})

    return task


def _hear(ears: Any, numpy: Any, pcm: bytearray, head: dict[str, Any]) -> dict[str, Any]:
    sound = numpy.array(array("h", bytes(pcm[: len(pcm) - len(pcm) % 2])), dtype=numpy.float32) / 32768
    prompt = " ".join(head["phrases"])[:LONGEST_PROMPT] or None
    language = head["language"].partition("-")[0].lower()
    known = language if language in ears.supported_languages else None
    segments, told = ears.transcribe(sound, language=known, initial_prompt=prompt, word_timestamps=True)
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
