"""The conversation by itself: no engine, no wire, and the time is what a test says it is."""

import base64
from collections.abc import Iterable
from typing import Any

import pytest

from learntrac.voice.chunks import MOST_HELD, Chunk, Chunks
from learntrac.voice.conversation import MOST_BAD_MESSAGES, NOT_HEARD, Conversation
from learntrac.voice.effects import (
    Ask,
    Close,
    Cut,
    Effect,
    Listen,
    Lull,
    PassOver,
    Recognise,
    Say,
    Send,
    Stop,
    WaitForChunk,
)
from learntrac.voice.hearing import Began, Ended, Partly, Quiet
from learntrac.voice.kept import dumped, loaded

NOW = 1_000.0


def chunk(number: int, sound: bytes = b"sound", *, is_final: bool = False) -> Chunk:
    return Chunk(number, base64.b64encode(sound).decode(), is_final)


def sent(effects: Iterable[Effect], kind: str) -> list[dict[str, Any]]:
    return [one.data for one in effects if isinstance(one, Send) and one.type == kind]


def of(effects: Iterable[Effect], kind: type) -> list[Any]:
    return [one for one in effects if isinstance(one, kind)]


def heard_of(effects: Iterable[Effect]) -> list[tuple[bytes, bool]]:
    """What the ear is given, and whether it is the end of a stream."""
    return [(one.audio, one.is_final) for one in of(effects, Listen)]


def say(talk: Conversation, utterance: int, text: str, now: float = NOW) -> list[Effect]:
    """Somebody speaks, pauses, and is understood."""
    return [
        *talk.heard(Began(utterance, 0.5), now),
        *talk.heard(Ended(utterance, "pause"), now),
        *talk.recognised(utterance, text=text, confidence=0.9, seconds=2.0),
    ]


def answer(talk: Conversation, turn: int, *sentences: str, now: float = NOW, seconds: float = 2.0) -> list[Effect]:
    """The tutor answers, each sentence being so long, and all of it made at once."""
    effects: list[Effect] = []
    for number, text in enumerate(sentences, 1):
        effects += talk.sentence(turn, text)
        effects += talk.sound(turn, number, seconds, "bXAz", now)
    return effects


class TestATurn:
    def test_what_is_said_goes_to_the_tutor(self) -> None:
        talk = Conversation()

        effects = say(talk, 1, "what is a status code")

        assert [type(one) for one in effects] == [Send, Recognise, Send, Ask]
        assert sent(effects, "speech_started") == [{"turn": 1, "at_seconds": 0.5}]
        (final,) = sent(effects, "transcription")
        assert (final["text"], final["confidence"], final["is_final"]) == ("what is a status code", 0.9, True)
        assert of(effects, Ask) == [Ask(1, "what is a status code")]

    def test_the_words_so_far_are_sent_while_somebody_speaks(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)

        (partial,) = sent(talk.heard(Partly(1, "what is"), NOW), "transcription")

        assert (partial["text"], partial["is_final"]) == ("what is", False)

    def test_what_an_engine_did_instead_is_told_with_the_words(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)

        effects = talk.recognised(1, text="hallo", confidence=0.9, seconds=1, note="heard as en-US")

        assert sent(effects, "transcription")[0]["note"] == "heard as en-US"

    def test_only_where_nothing_more_came_has_anybody_finished(self) -> None:
        talk = Conversation()
        talk.audio(chunk(1))
        assert talk.no_more_came(1, 1) == [Lull()]
        talk.audio(chunk(2))
        assert talk.no_more_came(1, 1) == []
        talk.audio(chunk(3, is_final=True))
        assert talk.no_more_came(1, 2) == []

    def test_where_the_sound_is_fetched_is_told_while_it_is_made_and_not_after_an_interruption(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")

        assert sent(talk.recording(1, "/audio"), "audio_started") == [{"turn": 1, "audio_url": "/audio"}]
        talk.interrupt(NOW)
        assert talk.recording(1, "/audio") == []

    def test_captions_come_before_sound_and_the_response_at_the_end(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")

        effects = answer(talk, 1, "A number.", "It says how it went.")
        effects += talk.answered(1, {"text": "A number. It says how it went."})

        kinds = [one.type for one in effects if isinstance(one, Send)]
        assert kinds == ["caption", "audio_delta", "caption", "audio_delta", "voice_response", "turn_end"]
        assert sent(effects, "turn_end") == [{"turn": 1, "reason": "answered"}]
        assert talk.turn == 2

    def test_a_pause_does_not_end_what_is_not_answered_yet(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")

        effects = say(talk, 2, "and who sends it")

        assert of(effects, Stop) == [Stop(1, "", goes_on=True)]
        assert of(effects, Ask) == [Ask(1, "what is a status code and who sends it")]

    def test_speech_that_goes_on_while_words_are_found_out_is_one_turn(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)
        talk.heard(Began(2, 3.0), NOW)
        talk.heard(Ended(2, "final"), NOW)

        first = talk.recognised(2, text="of a get request", confidence=0.8, seconds=1)
        second = talk.recognised(1, text="the status code", confidence=0.6, seconds=1)

        assert of(first, Ask) == []
        assert of(second, Ask) == [Ask(1, "the status code of a get request")]
        assert sent(second, "transcription")[0]["confidence"] == 0.6

    def test_an_utterance_without_end_is_cut(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)

        effects = talk.heard(Ended(1, "cut"), NOW)

        assert sent(effects, "utterance_cut") == [{"turn": 1}]
        assert of(effects, Recognise) == [Recognise(1)]

    def test_where_no_engine_answers_the_turn_fails_and_the_talk_goes_on(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)

        effects = talk.not_recognised(1, "SERVICE_UNAVAILABLE", "No engine answers.")

        assert sent(effects, "turn_end") == [{"turn": 1, "reason": "failed"}]
        assert of(say(talk, 2, "again"), Ask) == [Ask(2, "again")]

    def test_an_answer_that_fails_ends_the_turn(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")

        effects = talk.not_answered(1, "RATE_LIMIT_EXCEEDED", "Enough for now.", retry_after_seconds=60)

        assert sent(effects, "error")[0]["retry_after_seconds"] == 60
        assert sent(effects, "turn_end") == [{"turn": 1, "reason": "failed"}]


class TestInterruption:
    def test_who_speaks_while_the_answer_sounds_stops_it_and_what_was_not_heard_is_forgotten(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "A status code is a number.", "It says how the request went.", seconds=2.0)

        effects = talk.heard(Began(2, 9.0), NOW + 3.0)

        heard = "A status code is a number. It says how …"
        assert [type(one) for one in effects] == [Stop, Send, Send, Send]
        assert sent(effects, "interrupted") == [{"turn": 1, "heard_seconds": 3.0, "text": heard}]
        assert sent(effects, "turn_end") == [{"turn": 1, "reason": "interrupted"}]
        assert of(effects, Stop) == [Stop(1, heard)]
        assert sent(effects, "speech_started")[0]["turn"] == 2

    def test_nothing_of_a_stopped_answer_is_sent(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "A number.")
        talk.interrupt(NOW + 1)

        assert talk.sentence(1, "More.") == []
        assert talk.sound(1, 1, 1.0, "bXAz", NOW + 1) == []
        assert talk.answered(1, {"text": "A number."}) == []
        assert talk.not_answered(1, "SERVER_ERROR", "…") == []

    def test_a_client_says_how_much_it_played(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "One two three four.", seconds=4.0)

        effects = talk.interrupt(NOW + 100, heard_seconds=2.0)

        assert of(effects, Stop) == [Stop(1, "One two …")]

    def test_what_was_interrupted_while_its_end_was_made_is_cut_afterwards(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "A status code is a number.", seconds=2.0)
        talk.interrupt(NOW + 1.0)

        assert talk.answered(1, {"text": "A status code is a number."}, reply_id="r1") == [Cut("r1", "A status code …")]
        assert talk.answered(1, {"text": "Told by us, and in no history."}) == []

    def test_a_complete_answer_can_be_interrupted_while_it_is_played(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "One two three four.", seconds=4.0)
        talk.replying(1, "chat-1", "msg-1")
        talk.answered(1, {"text": "One two three four."})

        effects = talk.interrupt(NOW + 1.0)

        assert of(effects, Cut) == [Cut("msg-1", "One …")]
        assert sent(effects, "turn_end") == []

    def test_after_the_last_sound_there_is_nothing_to_interrupt(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        answer(talk, 1, "One two three four.", seconds=4.0)
        talk.answered(1, {"text": "One two three four."})

        assert talk.interrupt(NOW + 5.0) == []
        assert of(say(talk, 2, "next", now=NOW + 9), Ask) == [Ask(2, "next")]

    def test_who_reads_captions_has_read_all_that_came(self) -> None:
        talk = Conversation(wants_sound=False)
        say(talk, 1, "what is a status code")
        talk.sentence(1, "One.")
        talk.sentence(1, "Two.")

        assert of(talk.interrupt(NOW), Stop) == [Stop(1, "One. Two.")]

    def test_a_loudspeaker_that_the_microphone_hears_does_not_interrupt_where_that_is_said(self) -> None:
        talk = Conversation(may_barge_in=False)
        say(talk, 1, "what is a status code")
        answer(talk, 1, "A number.")

        assert talk.heard(Began(2, 3.0), NOW + 1) == []
        assert talk.heard(Partly(2, "a number"), NOW + 1) == []
        assert talk.heard(Ended(2, "pause"), NOW + 1) == [PassOver(2)]
        assert sent(talk.answered(1, {"text": "A number."}), "turn_end") == [{"turn": 1, "reason": "answered"}]

    def test_the_talk_goes_on_in_one_chat(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        talk.replying(1, "chat-1", "msg-1")
        answer(talk, 1, "A number.")

        assert of(say(talk, 2, "why", now=NOW + 1), Ask) == [Ask(2, "why", chat_id="chat-1")]


class TestSeveralEars:
    """Behind a gateway each process has one, and each tells what it hears."""

    def test_what_one_has_told_the_others_tell_in_vain(self) -> None:
        talk = Conversation()
        assert sent(talk.heard(Began(7, 0.5), NOW), "speech_started")
        assert talk.heard(Began(7, 0.5), NOW) == []
        assert talk.heard(Ended(7, "pause"), NOW) == [Recognise(7)]
        assert talk.heard(Began(7, 0.5), NOW) == []
        assert talk.heard(Ended(7, "pause"), NOW) == [PassOver(7)]

        assert [one.number for one in talk.said] == [7]
        assert of(talk.recognised(7, text="why", confidence=0.9, seconds=1.0), Ask) == [Ask(1, "why")]

    def test_the_first_piece_after_a_lull_says_so(self) -> None:
        talk = Conversation()
        pieces = []
        for number in range(1, 5):
            pieces += of(talk.audio(Chunk(number, "YQ==")), Listen)
            if number == 2:
                assert talk.no_more_came(1, 1) == []
                assert talk.no_more_came(1, 2) == [Lull()]

        assert [one.after_lull for one in pieces] == [False, False, True, False]

    def test_each_second_of_a_stream_is_counted_once(self) -> None:
        talk = Conversation()

        assert [talk.count_sound(*heard) for heard in ((1, 2.0), (1, 1.5), (1, 3.0), (2, 1.0), (2, 1.0))] == [
            2.0,
            0.0,
            1.0,
            1.0,
            0.0,
        ]


class TestStreams:
    def test_a_stream_that_was_not_understood_is_answered_all_the_same(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "final"), NOW)
        assert talk.stream_ended() == []

        effects = talk.recognised(1, text="", confidence=0.0, seconds=1.0)

        assert sent(effects, "transcription")[0]["is_final"]
        assert of(effects, Say) == [Say(1, NOT_HEARD)]

    def test_a_stream_of_silence_too(self) -> None:
        talk = Conversation()
        talk.heard(Quiet(2.0), NOW)

        effects = talk.stream_ended()

        assert sent(effects, "transcription")[0]["text"] == ""
        assert of(effects, Say) == [Say(1, NOT_HEARD)]

    def test_a_cough_is_no_question(self) -> None:
        talk = Conversation()

        effects = say(talk, 1, "")

        assert of(effects, Ask) + of(effects, Say) == []
        assert sent(effects, "turn_end") == [{"turn": 1, "reason": "nothing_heard"}]

    def test_the_end_of_a_stream_that_was_answered_asks_for_nothing(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        assert talk.stream_ended() == []

    def test_another_format_begins_another_stream(self) -> None:
        talk = Conversation()
        talk.audio(chunk(1))
        talk.audio_format("pcm16")

        assert heard_of(talk.audio(chunk(1))) == [(b"sound", False)]


class TestChunks:
    def test_a_gap_is_told_and_the_sound_goes_on(self) -> None:
        talk = Conversation()
        talk.audio(chunk(1))

        effects = talk.audio(chunk(3, b"third"))

        assert sent(effects, "error")[0] | {"message": ""} == {
            "code": "VALIDATION_ERROR",
            "message": "",
            "reason": "chunk_missing",
            "chunk_id": 3,
        }
        assert heard_of(effects) == [(b"third", False)]

    def test_a_repeated_chunk_is_told_and_not_heard(self) -> None:
        talk = Conversation()
        talk.audio(chunk(1))

        effects = talk.audio(chunk(1))

        assert sent(effects, "error")[0]["reason"] == "chunk_repeated"
        assert heard_of(effects) == []

    @pytest.mark.parametrize("first", [0, 1, 3])
    def test_after_a_final_chunk_numbers_go_on_or_begin_again(self, first: int) -> None:
        talk = Conversation()
        talk.audio(chunk(1))
        talk.audio(chunk(2, is_final=True))

        assert sent(talk.audio(chunk(first)), "error") == []

    def test_chunks_that_overtook_each_other_are_heard_in_order(self) -> None:
        talk = Conversation(chunks=Chunks(may_overtake=True))

        effects = [*talk.audio(chunk(1, b"1")), *talk.audio(chunk(3, b"3", is_final=True)), *talk.audio(chunk(2, b"2"))]

        assert heard_of(effects) == [(b"1", False), (b"2", False), (b"3", True)]
        assert of(effects, WaitForChunk) == [WaitForChunk(2)]
        assert talk.chunk_is_missing(2) == []

    def test_a_chunk_that_never_comes_is_waited_for_only_so_long(self) -> None:
        talk = Conversation(chunks=Chunks(may_overtake=True))
        talk.audio(chunk(1))
        talk.audio(chunk(3, b"3"))

        effects = talk.chunk_is_missing(2)

        assert sent(effects, "error")[0]["chunk_id"] == 2
        assert heard_of(effects) == [(b"3", False)]

    def test_what_is_held_is_bounded(self) -> None:
        talk = Conversation(chunks=Chunks(may_overtake=True))
        effects: list[Effect] = []
        for number in range(2, 3 + MOST_HELD):
            effects += talk.audio(chunk(number))

        assert [one["reason"] for one in sent(effects, "error")] == ["chunk_missing"]
        assert len(of(effects, Listen)) == MOST_HELD + 1
        assert talk.chunks.held == []

    def test_a_held_chunk_that_comes_again_is_repeated(self) -> None:
        talk = Conversation(chunks=Chunks(may_overtake=True))
        talk.audio(chunk(3))

        assert sent(talk.audio(chunk(3)), "error")[0]["reason"] == "chunk_repeated"

    def test_what_is_no_base64_is_told(self) -> None:
        effects = Conversation().audio(Chunk(1, "no base64!"))
        assert sent(effects, "error")[0]["reason"] == "bad_base64"

    def test_who_is_never_understood_is_let_go(self) -> None:
        talk = Conversation()
        effects = [one for number in range(MOST_BAD_MESSAGES) for one in talk.misunderstood("not_json", "No JSON.")]
        assert of(effects, Close) == [Close(4400)]


class TestFeedback:
    def test_a_hurried_question_is_told_so(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)

        effects = talk.recognised(1, text="what is a status code and what for", confidence=0.2, seconds=1.0)

        assert [one["kind"] for one in sent(effects, "real_time_feedback")] == ["pace", "unclear_speech"]

    def test_a_slow_one_too_but_not_two_words(self) -> None:
        talk = Conversation()
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)
        slow = talk.recognised(1, text="what is a status code then", confidence=0.9, seconds=9.0)
        assert [one["kind"] for one in sent(slow, "real_time_feedback")] == ["pace"]

        assert sent(say(Conversation(), 1, "thank you"), "real_time_feedback") == []

    def test_a_long_silence_is_told_once(self) -> None:
        talk = Conversation()
        effects = [one for _ in range(12) for one in talk.heard(Quiet(1.0), NOW)]
        assert [one["kind"] for one in sent(effects, "real_time_feedback")] == ["silence"]

    def test_nobody_is_hurried_while_the_answer_is_made(self) -> None:
        talk = Conversation()
        say(talk, 1, "what is a status code")
        assert talk.heard(Quiet(20.0), NOW) == []


class TestDictation:
    def test_spoken_code_becomes_code_and_goes_along_with_the_next_question(self) -> None:
        talk = Conversation()
        talk.dictate("python")
        talk.heard(Began(1, 0.0), NOW)
        talk.heard(Ended(1, "pause"), NOW)
        written = talk.recognised(1, text="x equals one", confidence=0.9, seconds=1.0)
        assert of(written, Say) == [Say(1, "I have 1 line.", "x = 1")]
        answer(talk, 1, "I have 1 line.")
        talk.answered(1, {"text": "I have 1 line."})

        (ended,) = sent(talk.dictate(None), "dictation")
        effects = say(talk, 2, "is that right", now=NOW + 60)

        assert ended == {"on": False, "code": "x = 1"}
        assert of(effects, Ask) == [Ask(2, "is that right", "x = 1")]

    def test_code_of_another_language_is_shown_and_sent_as_that(self) -> None:
        talk = Conversation()
        talk.dictate("javascript")
        said = say(talk, 1, "const total count equals one")
        answer(talk, 1, "I have 1 line.")
        talk.dictate(None)
        asked = say(talk, 2, "is that right", now=NOW + 60)

        assert of(said, Say) == [Say(1, "I have 1 line.", "const totalCount = 1", "javascript")]
        assert of(asked, Ask) == [Ask(2, "is that right", "const totalCount = 1", "javascript")]

    def test_lines_are_added(self) -> None:
        talk = Conversation(dictating="python")
        for number, line in enumerate(("if x colon", "y equals one"), 1):
            talk.heard(Began(number, 0.0), NOW)
            talk.heard(Ended(number, "pause"), NOW)
            effects = talk.recognised(number, text=line, confidence=0.9, seconds=1.0)
            answer(talk, number, "So many.")

        assert of(effects, Say) == [Say(2, "I have 2 lines.", "if x:\n    y = 1")]


def test_a_conversation_goes_on_in_another_process() -> None:
    talk = Conversation(chunks=Chunks(may_overtake=True))
    say(talk, 1, "what is a status code")
    answer(talk, 1, "A number.")
    talk.audio(chunk(3))

    assert loaded(dumped(talk)) == talk


def test_a_ping_is_answered_with_what_it_carried() -> None:
    assert Conversation().ping({"id": 7}) == [Send("pong", {"id": 7})]
