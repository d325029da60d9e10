"""Long recordings, cut where nobody speaks, and what was heard in their pieces put together. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from learntrac.backends.speech import BYTES_A_SECOND, Transcript, Word
from learntrac.backends.speech.vad import FRAME_BYTES, loudness_db

LOOKED_AT_SECONDS = 5
"""So long before a piece must end the quietest moment is looked for."""
GAP_FRAMES = 10


def pieces_of(pcm: bytes, *, longest_seconds: float) -> Iterator[bytes]:
    """The sound in pieces of at most so long, each cut at the quietest fifth of a second near its end."""
    longest, begin = int(longest_seconds * BYTES_A_SECOND), 0
    while len(pcm) - begin > longest:
        end = begin + longest
        cut = _quietest(pcm, end - LOOKED_AT_SECONDS * BYTES_A_SECOND, end)
        yield pcm[begin:cut]
        begin = cut
    yield pcm[begin:]


def _quietest(pcm: bytes, begin: int, end: int) -> int:
    levels = [loudness_db(pcm[at : at + FRAME_BYTES]) for at in range(begin, end, FRAME_BYTES)]
    gaps = [sum(levels[at : at + GAP_FRAMES]) for at in range(len(levels) - GAP_FRAMES)]
    return begin + (gaps.index(min(gaps)) + GAP_FRAMES // 2) * FRAME_BYTES


def joined(heard: Sequence[Transcript]) -> Transcript:
    """What was heard in all of them, in order; of confidence the mean by words."""
    words, seconds = list[Word](), 0.0
    for one in heard:
        words += [_later(word, seconds) for word in one.words]
        seconds += one.duration_seconds
    counts = [len(one.text.split()) for one in heard]
    sure = sum(one.confidence * count for one, count in zip(heard, counts, strict=True))
    return replace(
        heard[0],
        text=" ".join(one.text for one in heard if one.text),
        confidence=round(sure / sum(counts), 4) if sum(counts) else 0.0,
        duration_seconds=seconds,
        words=tuple(words),
    )


def _later(word: Word, seconds: float) -> Word:
    return replace(word, start_seconds=word.start_seconds + seconds, end_seconds=word.end_seconds + seconds)
