"""The process that hears with pocketsphinx: American English, with the words of the course."""

import heapq
import io
import math
import random
import re
import tempfile
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pocketsphinx
from pocketsphinx.lm import ArpaBoLM

from learntrac.backends.speech.engines.espeak_library import Espeak
from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame
from learntrac.backends.speech.sounds import arpabet
from learntrac.backends.speech.talk import talk_about
from learntrac.backends.speech.vad import FRAME_BYTES, SpeechDetector
from learntrac.backends.speech.vocabulary import sentences_of

SAMPLE_RATE = 16_000
FRAMES_A_SECOND = 100
PIECE_BYTES = 3200
KEPT_COURSES = 4
GENERAL = "_default"
NOISE = 100
"""Deviation of the noise that is laid under all sound, of 32768 (-50 dB): the features of digital silence, which
recorders and synthesizers give out, are of nothing the acoustic model has heard."""
MEAN_AFTER_SECONDS = 2.0
PRIOR_FRAMES = 500
COMMON_WORDS = 5000
COMMON_SHARE = 0.5
LOG_UNIT = math.log(1.0001)
"""What pocketsphinx counts probabilities in."""
_DICTIONARY = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
_VARIANT = re.compile(r"\(\d+\)$")
_NO_WORD = re.compile(r"^(?:<.*>|\[.*\]|\+\+.*\+\+)$")


def load() -> Task:
    """The acoustic model, the dictionary and the general language model: about half a second."""
    ears = Ears()

    def task(first: Frame, asked: Asked) -> None:
        ears.hear(first, asked)

    return task


class Ears:
    """The decoder, with a language model for each course that was spoken of lately."""

    def __init__(self) -> None:
        self._decoder: Any = pocketsphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
        self._espeak = Espeak()
        self._espeak.set_voice("gmw/en-US")
        self._first_mean: str = self._decoder.get_cmn(update=False)
        self._common = self._common_words()
        self._courses: OrderedDict[int, str] = OrderedDict()
        self._made = 0
        noise = random.Random(16)  # noqa: S311 - it hides nothing
        self._noise = array("h", (round(noise.gauss(0, NOISE)) for _ in range(SAMPLE_RATE)))

    def hear(self, first: Frame, asked: Asked) -> None:
        """One utterance: tells `partial` texts while it comes, then `done` with all there is to tell."""
        self._decoder.activate_search(self._search_for(first.head["phrases"]))
        utterance = _Utterance(self._decoder, self._first_mean)
        told = ""
        while (frame := asked.next()) is not None and frame.head["do"] == "feed":
            for at in range(0, len(frame.data), PIECE_BYTES):
                piece = frame.data[at : at + PIECE_BYTES]
                utterance.feed(piece, self._over_noise(piece))
            if first.head["partials"] and (text := utterance.partial()) != told:
                told = text
                asked.tell({"partial": text})
        words = utterance.finish()
        asked.tell({"done": {"text": " ".join(word["text"] for word in words), "words": words}})

    def _over_noise(self, pcm: bytes) -> bytes:
        samples = array("h", pcm[: len(pcm) - len(pcm) % 2])
        mixed = map(int.__add__, samples, self._noise)
        return array("h", (max(-32768, min(32767, sample)) for sample in mixed)).tobytes()

    def _search_for(self, phrases: list[str]) -> str:
        """The language model of these phrases, made where it is not kept; the general one where there are none."""
        if not phrases:
            return GENERAL
        key = hash(tuple(phrases))
        if key not in self._courses:
            self._courses[key] = self._make_search(phrases)
            if len(self._courses) > KEPT_COURSES:
                self._decoder.remove_search(self._courses.popitem(last=False)[1])
        self._courses.move_to_end(key)
        return self._courses[key]

    def _make_search(self, phrases: list[str]) -> str:
        sentences = [*sentences_of(phrases), *talk_about()]
        self._learn_words({word for sentence in sentences for word in sentence})
        self._made += 1
        name = f"course{self._made}"
        with tempfile.NamedTemporaryFile("w", suffix=".lm") as file:
            file.write(_language_model(sentences, self._common))
            file.flush()
            self._decoder.add_lm_file(name, file.name)
        return name

    def _common_words(self) -> dict[str, float]:
        """The commonest words of the general language model, with each one's share of them."""
        general = self._decoder.get_lm(GENERAL)
        words = {line.split(maxsplit=1)[0] for line in _DICTIONARY.read_text().splitlines() if line[:1].isalpha()}
        known = ((general.prob([word]), word) for word in words if "(" not in word)
        most = heapq.nlargest(COMMON_WORDS, known)
        shares = {word: math.exp(log * LOG_UNIT) for log, word in most}
        whole = sum(shares.values())
        return {word: share / whole for word, share in shares.items()}

    def _learn_words(self, words: Iterable[str]) -> None:
        for word in words:
            if self._decoder.lookup_word(word) is None and (sounds := arpabet(self._espeak.ipa(word))):
                self._decoder.add_word(word, sounds, update=False)


class _Utterance:
    """One utterance in the decoder. What a microphone sounds like is taken off by the mean of the features. At first
    nobody knows it, so after `MEAN_AFTER_SECONDS`, or at the end of a shorter utterance, it is computed from what was
    heard, and that is heard again.
    """

    def __init__(self, decoder: Any, first_mean: str) -> None:
        self._decoder, self._first_mean = decoder, first_mean
        self._detector = SpeechDetector()
        self._is_speech: list[bool] = []
        self._kept: list[bytes] | None = []
        decoder.set_cmn(first_mean)
        decoder.start_utt()

    def feed(self, piece: bytes, mixed: bytes) -> None:
        """More sound, as it came and as it is to be heard."""
        frames = (piece[at : at + FRAME_BYTES] for at in range(0, len(piece), FRAME_BYTES))
        self._is_speech += map(self._detector.is_speech, frames)
        self._decoder.process_raw(mixed)
        if self._kept is not None:
            self._kept.append(mixed)
            if self._decoder.n_frames() >= MEAN_AFTER_SECONDS * FRAMES_A_SECOND:
                self._hear_again()

    def partial(self) -> str:
        """The words so far."""
        hypothesis = self._decoder.hyp() if any(self._is_speech) else None
        said = hypothesis.hypstr.split() if hypothesis else []
        return " ".join(_VARIANT.sub("", word) for word in said if not _NO_WORD.match(word))

    def finish(self) -> list[dict[str, Any]]:
        """The words where somebody spoke: the decoder finds short ones in noise as well."""
        if self._kept and self._decoder.n_frames():
            self._hear_again()
        self._decoder.end_utt()
        return [
            {
                "text": _VARIANT.sub("", segment.word),
                "start_seconds": segment.start_frame / FRAMES_A_SECOND,
                "end_seconds": (segment.end_frame + 1) / FRAMES_A_SECOND,
                "confidence": min(1.0, segment.prob),
            }
            for segment in self._decoder.seg() or ()
            if not _NO_WORD.match(segment.word) and self._was_speech(segment.start_frame, segment.end_frame)
        ]

    def _was_speech(self, first: int, last: int) -> bool:
        return any(self._is_speech[first // 2 : last // 2 + 1])

    def _hear_again(self) -> None:
        kept, self._kept = self._kept or [], None
        mean = self._mean()
        self._decoder.end_utt()
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        for mixed in kept:
            self._decoder.process_raw(mixed)

    def _mean(self) -> str:
        """Of what was heard alone: pocketsphinx counts the mean it began with as `PRIOR_FRAMES` frames."""
        frames = self._decoder.n_frames()
        pairs = zip(self._decoder.get_cmn(update=True).split(","), self._first_mean.split(","), strict=True)
        means = ((float(now) * (PRIOR_FRAMES + frames) - float(then) * PRIOR_FRAMES) / frames for now, then in pairs)
        return ",".join(f"{mean:.4f}" for mean in means)


def _language_model(sentences: list[list[str]], common: dict[str, float]) -> str:
    """A trigram model of the sentences over the common words of the language: what the course does not say can be said
    as well. It also has to be that large: pocketsphinx takes seconds to load one of few words.
    """
    model = ArpaBoLM(text="\n".join(" ".join(words) for words in sentences), add_start=True)
    weight = COMMON_SHARE / (1 - COMMON_SHARE) * sum(model.grams_1.values())
    for word, share in common.items():
        model.grams_1[word] += weight * share
    model.compute()
    written = io.StringIO()
    model.write(written)
    return written.getvalue()
