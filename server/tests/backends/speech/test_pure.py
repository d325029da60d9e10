"""The files of speech that only compute: MP3's length, loudness, spoken words, sounds, the choice of a voice."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.backends.speech import BYTES_A_SECOND, Transcript, Voice, Word
from learntrac.backends.speech.choosing import choose_voice
from learntrac.backends.speech.mp3 import Mp3Length
from learntrac.backends.speech.pieces import joined, pieces_of
from learntrac.backends.speech.sounds import arpabet
from learntrac.backends.speech.vad import FRAME_BYTES, SpeechDetector, loudness_db
from learntrac.backends.speech.vocabulary import sentences_of, spoken, spoken_number
from tests.backends.speech.sounds import encoded, noise, tone
from tests.backends.speech.sounds import spoken as said


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
@pytest.mark.parametrize("piece", [1, 7, 1000, 1_000_000])
def test_an_mp3_lasts_as_long_as_its_frames(rate: int, piece: int) -> None:
    data, length = encoded(tone(1.5, rate=rate), "mp3", rate=rate), Mp3Length()
    for at in range(0, len(data), piece):
        length.feed(data[at : at + piece])
    length.finish()

    assert length.seconds == pytest.approx(1.5, abs=0.2)


@given(st.lists(st.binary(max_size=50)))
def test_what_is_no_mp3_is_passed_over(pieces: list[bytes]) -> None:
    length = Mp3Length()
    for piece in pieces:
        length.feed(piece)
    length.finish()

    assert length.seconds >= 0


def test_loudness_is_of_full_scale() -> None:
    assert loudness_db(tone(0.1, level=1.0)) == pytest.approx(-3, abs=0.1)
    assert loudness_db(b"") == loudness_db(bytes(640)) == -100
    assert loudness_db(b"\x10\x27" * 320) == -100, "an offset is no sound"


def _share_of_speech(detector: SpeechDetector, pcm: bytes) -> float:
    frames = [detector.is_speech(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm), FRAME_BYTES)]
    return sum(frames) / len(frames)


@pytest.mark.parametrize("level", [0.0, 0.001, 0.01])
def test_speech_is_told_from_the_noise_of_a_room(level: float) -> None:
    detector, room = SpeechDetector(), noise(2, level=level)
    speech = said("Explain why an access token does not prove who signed in.", pause_seconds=0)
    mixed = _mixed(speech, noise(len(speech) / 32_000, level=level))

    _share_of_speech(detector, room)
    assert _share_of_speech(detector, room) < 0.02
    assert _share_of_speech(detector, mixed) > 0.6
    assert _share_of_speech(detector, room[:32_000]) < 0.1


def test_a_room_that_becomes_louder_is_got_used_to() -> None:
    detector = SpeechDetector()
    _share_of_speech(detector, noise(1, level=0.0005))
    _share_of_speech(detector, noise(20, level=0.01))

    assert _share_of_speech(detector, noise(1, level=0.01)) == 0


def test_another_worker_goes_on_with_the_floor() -> None:
    one = SpeechDetector()
    _share_of_speech(one, noise(1, level=0.002))
    other = SpeechDetector(list(one.parts), one.frames)
    speech = said("And then?")

    assert _share_of_speech(one, speech) == _share_of_speech(other, speech)


def _mixed(one: bytes, other: bytes) -> bytes:
    pairs = zip(array("h", one), array("h", other), strict=False)
    return array("h", (max(-32768, min(32767, a + b)) for a, b in pairs)).tobytes()


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"), ("7", "seven"), ("13", "thirteen"), ("40", "forty"), ("42", "forty two"), ("100", "one hundred"),
        ("404", "four oh four"), ("422", "four twenty two"), ("500", "five hundred"), ("2000", "two thousand"),
        ("2026", "two thousand twenty six"), ("1984", "nineteen eighty four"),
        ("1900", "nineteen hundred"), ("007", "zero zero seven"), ("12345", "one two three four five"),
    ],
)  # fmt: skip
def test_numbers_are_words(digits: str, words: str) -> None:
    assert " ".join(spoken_number(digits)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Spot an N+1 problem", "spot an n plus one problem"),
        ("getItem_by_id", "get item by id"),
        ("HTTPServer", "http server"),
        ("it's what the client\u2019s told", "it's what the client's told"),
        ("a < b", "a less than b"),
    ],
)
def test_text_becomes_the_words_one_says(text: str, words: str) -> None:
    assert [" ".join(sentence) for sentence in sentences_of([text])] == [words]


def test_sentences_end_where_one_pauses() -> None:
    assert list(sentences_of(["One (two). Three: four", "..."])) == [["one"], ["two"], ["three"], ["four"]]


@given(st.text(max_size=200))
def test_any_text_becomes_letters_only(text: str) -> None:
    for sentence in sentences_of([text]):
        assert all(word.replace("'", "").isalpha() and word.isascii() for word in sentence)


@given(st.from_regex(r"\A[0-9]{1,30}\Z"))
def test_any_number_can_be_said(digits: str) -> None:
    assert spoken(digits)


def test_a_pronunciation_is_written_as_the_dictionary_writes_it() -> None:
    assert arpabet("\u02c8o\u028a \u02c8\u0254\u02d0\u03b8") == "OW AO TH"
    assert arpabet("d\u0292\u02c8e\u026as\u0259n") == "JH EY S AH N"
    assert arpabet("?!") == ""


_VOICES = (
    Voice("de", "German", "de", "espeak-ng"),
    Voice("en-gb", "British", "en-GB", "espeak-ng"),
    Voice("en-us", "American", "en-US", "espeak-ng"),
)


@pytest.mark.parametrize(
    ("voice", "language", "speaks", "note"),
    [
        ("EN-GB", "en-US", "en-gb", None),
        (None, "en-US", "en-us", None),
        (None, "en_us", "en-us", None),
        (None, "de-AT", "de", None),
        (None, "en-AU", "en-gb", None),
        ("alloy", "en-US", "en-us", "There is no voice 'alloy' here: American speaks."),
        (None, "tlh", "en-us", "No voice speaks 'tlh': American speaks."),
        ("alloy", "tlh", "en-us", "There is no voice 'alloy' here and no voice speaks 'tlh': American speaks."),
    ],
)
def test_a_voice_that_is_not_there_is_replaced_and_that_is_said(
    voice: str | None, language: str, speaks: str, note: str | None
) -> None:
    chosen, said_why = choose_voice(_VOICES, voice=voice, language=language)

    assert (chosen.id, said_why) == (speaks, note)


def test_with_no_english_any_voice_speaks() -> None:
    assert choose_voice(_VOICES[:1], voice=None, language="fr")[0].id == "de"


def test_a_long_recording_is_cut_where_nobody_speaks() -> None:
    speech, pause = tone(7.5), bytes(BYTES_A_SECOND // 2)
    pcm = (speech + pause) * 3

    pieces = list(pieces_of(pcm, longest_seconds=10))

    assert b"".join(pieces) == pcm
    assert [len(piece) / BYTES_A_SECOND for piece in pieces] == pytest.approx([8, 8, 8], abs=0.5)


@pytest.mark.parametrize("seconds", [0, 3, 10])
def test_a_short_recording_is_one_piece(seconds: int) -> None:
    assert list(pieces_of(tone(seconds), longest_seconds=10)) == [tone(seconds)]


def test_a_recording_without_a_pause_is_cut_all_the_same() -> None:
    pieces = list(pieces_of(tone(25), longest_seconds=10))

    assert b"".join(pieces) == tone(25)
    assert all(5 <= len(piece) / BYTES_A_SECOND <= 10 for piece in pieces[:-1])


def test_what_was_heard_in_pieces_is_one_transcript() -> None:
    def piece(*words: str, confidence: float = 0.0, note: str | None = None) -> Transcript:
        heard = tuple(Word(word, at, at + 1.0, confidence) for at, word in enumerate(words))
        return Transcript(" ".join(words), confidence, 10.0, "en-US", "ears", heard, note)

    whole = joined([piece("one", "two", "three", confidence=0.8, note="told"), piece(), piece("four", confidence=0.4)])

    assert (whole.text, whole.confidence, whole.duration_seconds) == ("one two three four", 0.7, 30.0)
    assert [(word.text, word.start_seconds) for word in whole.words][-1] == ("four", 20.0)
    assert (whole.language, whole.engine, whole.note) == ("en-US", "ears", "told")
    assert joined([piece()]) == piece()
