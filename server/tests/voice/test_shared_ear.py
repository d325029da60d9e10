"""The ears of two processes, which get now this and now that piece of one stream: together they miss nothing."""

from collections.abc import Sequence

from learntrac.backends.cache.memory import MemoryCache
from learntrac.backends.speech import AudioFormat
from learntrac.backends.speech.decoding import ProcessDecoding
from learntrac.voice.effects import Listen
from learntrac.voice.hearing import Began, Ended, Heard
from learntrac.voice.shared import SharedEar
from tests.voice.clients import silence
from tests.voice.test_late_sound import Kept, noise

SPEECH, PAUSE = silence(0.4) + noise(0.8), silence(1.5)


class Planned:
    """A decoder out of which comes what the test says, with each piece that it is fed, and later."""

    def __init__(self, fed: Sequence[bytes], later: Sequence[bytes]) -> None:
        self._fed, self._later = list(fed), list(later)

    async def feed(self, _data: bytes) -> bytes:
        return self._fed.pop(0)

    def ready(self) -> tuple[bytes, bool]:
        return (self._later.pop(0) if self._later else b""), bool(self._later)

    async def finish(self) -> bytes:
        return b""

    async def close(self) -> None:
        return None


class PlannedDecoding(ProcessDecoding):
    """The decoding there is, whose streams come as planned."""

    def __init__(self, fed: Sequence[bytes], later: Sequence[bytes] = ()) -> None:
        super().__init__(processes=1)
        self._plan = fed, later

    def open(self, format: AudioFormat, *, longest_seconds: float = 60) -> Planned:  # type: ignore[override] # noqa: A002, ARG002 - a planned one
        return Planned(*self._plan)


def ear(cache: MemoryCache, *fed: bytes, later: Sequence[bytes] = ()) -> SharedEar:
    return SharedEar(cache, "one", decoding=PlannedDecoding(fed, later), listen=lambda _code: Kept())


async def hear(one: SharedEar, piece: int, *, after_lull: bool = False) -> list[Heard]:
    sound = Listen(b"webm", is_final=False, piece=piece, after_lull=after_lull)
    return told(await one.hear(await one.decode(sound), is_final=False))


def told(heard: Sequence[Heard]) -> list[Heard]:
    return [what for what in heard if isinstance(what, Began | Ended)]


async def test_what_comes_out_while_one_catches_up_is_told_by_it() -> None:
    """The other one's decoder was behind when it got that piece, and told nothing."""
    cache = MemoryCache()
    first, second = ear(cache, b""), ear(cache, SPEECH, PAUSE)

    assert await hear(first, 0) == []
    began, ended = await hear(second, 1)

    assert isinstance(began, Began)
    assert ended == Ended(began.utterance, "pause")


async def test_an_utterance_has_the_same_number_in_every_ear_after_a_lull_too() -> None:
    cache = MemoryCache()
    first = ear(cache, SPEECH, SPEECH, PAUSE)
    second = ear(cache, b"", SPEECH, later=[b"", SPEECH])  # which has to be waited for
    (began,) = await hear(first, 0)
    heard, is_late = await first.lull()
    assert isinstance(began, Began)
    assert (told(heard), is_late) == ([Ended(began.utterance, "final")], False)

    again, ended, anew = await hear(second, 1, after_lull=True)
    missed, over = await hear(first, 2)

    assert isinstance(again, Began)
    assert isinstance(anew, Began)
    assert isinstance(missed, Began)
    assert again.utterance == began.utterance
    assert ended == Ended(began.utterance, "final")
    assert anew.utterance == missed.utterance == began.utterance + 1
    assert over == Ended(missed.utterance, "pause")
