"""The engines' own half, called without a process: what is told for what is asked."""

import io
import json
import resource
import sys
import types
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from learntrac.backends.speech.engines import decoding, encoding, espeak, piper, serving, sphinx, whisper
from learntrac.backends.speech.engines.espeak_library import Espeak
from learntrac.backends.speech.engines.serving import Asked
from learntrac.backends.speech.frames import Frame, packed, read_frame_blocking
from tests.backends.speech.sounds import encoded, spoken, tone

PHRASES = ["Explain the difference between PUT and PATCH", "HTTP methods"]


def _asked(*frames: Frame) -> Asked:
    return Asked(io.BytesIO(b"".join(packed(frame) for frame in frames)), io.BytesIO())


def _told(asked: Asked) -> list[Frame]:
    assert isinstance(asked.outgoing, io.BytesIO)
    pipe, told = io.BytesIO(asked.outgoing.getvalue()), []
    while (frame := read_frame_blocking(pipe)) is not None:
        told.append(frame)
    return told


def _fed(data: bytes, size: int = 6400) -> list[Frame]:
    pieces = [Frame({"do": "feed"}, data[at : at + size]) for at in range(0, len(data), size)]
    return [*pieces, Frame({"do": "finish"})]


@pytest.mark.parametrize("container", ["wav", "mp3", "m4a", "ogg", "webm"])
def test_a_stream_is_told_as_it_is_decoded(container: str) -> None:
    asked = _asked(*_fed(encoded(tone(1), container)))
    decoding.load()(Frame({"do": "decode", "container": container}), asked)
    *told, last = _told(asked)

    assert last.head == {"done": sum(len(frame.data) for frame in told)}
    assert last.head["done"] == pytest.approx(32_000, abs=3200)
    taken = [frame.head["taken"] for frame in told if "taken" in frame.head]
    assert taken == list(range(len(taken)))
    assert len(taken) == len(_fed(encoded(tone(1), container))), "before each piece, how many were taken"


@pytest.mark.parametrize("data", [b"", b"OggS" + bytes(3000), encoded(tone(0.1), "wav")[:44]])
def test_what_is_bad_is_told_and_the_rest_is_read(data: bytes) -> None:
    asked = _asked(*_fed(data), Frame({"do": "next"}))
    decoding.load()(Frame({"do": "decode", "container": "ogg"}), asked)

    assert [list(frame.head) for frame in _told(asked) if "taken" not in frame.head] == [["bad"]]
    assert asked.next() == Frame({"do": "next"})


def test_espeak_speaks_and_lists_its_voices() -> None:
    task, listed, said, silent = espeak.load(), _asked(), _asked(), _asked()
    task(Frame({"do": "voices"}), listed)
    task(Frame({"do": "speak", "text": "Hello", "voice": "en-us+f2", "format": "mp3"}), said)
    task(Frame({"do": "speak", "text": " ", "voice": "en-us", "format": "pcm"}), silent)

    assert len(_told(listed)[0].head["voices"]) > 200
    rate, *sounds, done = _told(said)
    assert rate.head == {"sample_rate": 22_050}
    assert done.head == {"done": True}
    assert sum(len(frame.data) for frame in sounds) > 1000
    assert [frame.data for frame in _told(silent)] == [b"", b""]
    with pytest.raises(ValueError, match="no voice"):
        Espeak().set_voice("nobody")


def test_samples_are_encoded_or_left_as_they_are() -> None:
    as_it_is, mp3 = encoding.encoder("pcm", 16_000), encoding.encoder("mp3", 16_000)

    assert (as_it_is(b"ab"), as_it_is(None)) == (b"ab", b"")
    assert len(mp3(tone(1)) + mp3(None)) == pytest.approx(8000, rel=0.2)


def test_sphinx_hears_with_and_without_a_course(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sphinx, "KEPT_COURSES", 1)
    task, heard = sphinx.load(), []
    long = spoken(PHRASES[0]) + bytes(32_000)
    for phrases, pcm in ((PHRASES, long), (["Pagination of a list"], bytes(6400)), (PHRASES, b""), ([], bytes(3200))):
        asked = _asked(*_fed(pcm))
        task(Frame({"do": "hear", "language": "en-US", "phrases": phrases, "partials": True}), asked)
        heard.append(_told(asked))
    quietly = _asked(*_fed(long))
    task(Frame({"do": "hear", "language": "en-US", "phrases": PHRASES, "partials": False}), quietly)

    assert heard[0][-1].head["done"]["text"] == "explain the difference between put and patch"
    assert any("partial" in frame.head for frame in heard[0])
    assert [frames[-1].head["done"]["text"] for frames in heard[1:]] == ["", "", ""]
    (only,) = _told(quietly)  # nobody asked for the words so far
    assert only.head["done"]["text"] == heard[0][-1].head["done"]["text"]


@pytest.fixture
def own_limits() -> Iterator[None]:
    """What an engine allows itself for a task is not to end the tests two minutes of CPU later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    yield
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


@pytest.mark.usefixtures("own_limits")
def test_an_engine_serves_until_the_pipe_ends() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU)
    asked = _asked(Frame({"do": "voices"}), Frame({"do": "voices"}))
    serving.serve("speak", (), asked)
    ready, *voices = _told(asked)

    assert ready.head == {"ready": "speak"}
    assert len(voices) == 2
    assert resource.getrlimit(resource.RLIMIT_CPU) != before


def test_an_engine_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    asked = _asked()
    serving.serve("whisper", (str(tmp_path),), asked)

    assert _told(asked)[0].head == {"problem": "whisper: No module named 'faster_whisper'"}


def test_frames_that_are_too_large_are_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        read_frame_blocking(io.BytesIO(b"\xff" * 8))


def _stands_in(monkeypatch: pytest.MonkeyPatch, name: str, **what: Any) -> None:
    """A package of the extras, which are not installed where this is tested, by the part of its interface we call."""
    module = types.ModuleType(name)
    vars(module).update(what)
    monkeypatch.setitem(sys.modules, name, module)


def test_whisper_is_asked_by_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    class WhisperModel:
        supported_languages = ("en", "de")

        def __init__(self, folder: str, **options: object) -> None:
            assert (folder, options["local_files_only"]) == ("model", True)

        def transcribe(self, _sound: object, **options: Any) -> tuple[list[Any], Any]:
            calls.append(options)
            word = SimpleNamespace(word=" Hello", start=0.1, end=0.4, probability=0.9)
            return [SimpleNamespace(text=" Hello", words=[word])], SimpleNamespace(language="fr")

    class Samples(list[float]):
        def __truediv__(self, by: int) -> "Samples":
            return Samples(one / by for one in self)

    def made(samples: "array[int]", dtype: object) -> Samples:
        return Samples(samples)

    _stands_in(monkeypatch, "faster_whisper", WhisperModel=WhisperModel)
    _stands_in(monkeypatch, "numpy", array=made, float32=float)
    asked = _asked(*_fed(bytes(2 * 16_000 * 3)))
    head = {"do": "hear", "language": "tlh", "phrases": PHRASES}
    task = whisper.load("model")
    task(Frame(head | {"partials": True}), asked)
    partial, done = _told(asked)
    quietly = _asked(*_fed(bytes(2 * 16_000 * 3)))
    task(Frame(head | {"partials": False}), quietly)

    assert partial.head == {"partial": "Hello"}
    assert [frame.head for frame in _told(quietly)] == [done.head]
    assert done.head["done"]["language"] == "fr"
    assert done.head["done"]["words"] == [
        {"text": "Hello", "start_seconds": 0.1, "end_seconds": 0.4, "confidence": 0.9}
    ]
    assert [call.get("beam_size") for call in calls] == [1, None, None], "words so far are guessed once"
    assert calls[0]["language"] is None
    assert calls[0]["initial_prompt"] == " ".join(PHRASES)


def test_piper_is_asked_by_its_interface(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class PiperVoice:
        config = SimpleNamespace(sample_rate=22_050)

        @staticmethod
        def load(file: Path) -> "PiperVoice":
            assert file.name == "en_US-kay-low.onnx"
            return PiperVoice()

        def synthesize(self, text: str) -> list[Any]:
            return [SimpleNamespace(audio_int16_bytes=tone(0.5, rate=22_050)) for _ in text.split(".")]

    _stands_in(monkeypatch, "piper", PiperVoice=PiperVoice)
    with pytest.raises(ValueError, match="no voice"):
        piper.load(str(tmp_path))
    (tmp_path / "en_US-kay-low.onnx").write_bytes(b"")
    (tmp_path / "en_US-kay-low.onnx.json").write_text(json.dumps({"language": {"code": "en_US"}}))
    task, listed = piper.load(str(tmp_path)), _asked()
    task(Frame({"do": "voices"}), listed)
    assert _told(listed)[0].head["voices"] == [
        {"id": "en_US-kay-low", "name": "en_US-kay-low", "language": "en-US", "gender": "neutral"}
    ]
    for _ in range(2):
        said = _asked()
        task(Frame({"do": "speak", "text": "One. Two", "voice": "en_US-kay-low", "format": "pcm"}), said)
        assert sum(len(frame.data) for frame in _told(said)) == 2 * len(tone(0.5, rate=22_050))
