"""The conversation as a state machine: what each message, each sound and each answer leads to.

Pure: it knows no clock, no engine and no wire. Every method returns what is to be done, in order, and the whole state
is plain values, so that the next message may be served by another process.

A turn is one exchange: the learner speaks, perhaps with pauses, and the tutor answers. An utterance is speech without
a long pause. Who goes on speaking before the answer can be heard has not finished: the utterances are joined. Who
speaks while the answer is heard interrupts it: it stops, and what was not heard leaves the history.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from learntrac.backends.speech import AudioFormat
from learntrac.voice import coaching
from learntrac.voice.chunks import Chunk, Chunks, Problem
from learntrac.voice.dictation import code_of
from learntrac.voice.effects import (
    NOT_UNDERSTOOD,
    Ask,
    Close,
    Cut,
    Effect,
    EndStream,
    Listen,
    Lull,
    PassOver,
    Payload,
    Recognise,
    Say,
    Send,
    Stop,
    WaitForChunk,
    error,
    transcription,
    turn_end,
)
from learntrac.voice.hearing import Began, Ended, Heard, Partly, Quiet
from learntrac.voice.playback import Sentence, heard_part

MOST_BAD_MESSAGES = 20
"""So many that could not be understood, one after the other, and the connection is closed."""
MOST_DICTATED_CHARACTERS = 12_000
"""It goes along with the next question, and both together are one message of the chat."""
NOT_HEARD = "I did not hear any words. Please say it again."


@dataclass
class Utterance:
    """What was said in one go; None while it is being found out."""

    number: int
    text: str | None = None
    confidence: float = 0.0
    seconds: float = 0.0
    note: str | None = None


@dataclass
class Answer:
    """The answer to a turn. `sounds_at` is when its first sound was sent, in epoch seconds; `reply_id` is the tutor's
    name for it, if it is one of the tutor's.
    """

    turn: int
    reply_id: str | None = None
    sentences: list[Sentence] = field(default_factory=list)
    sounds_at: float | None = None
    is_complete: bool = False

    @property
    def seconds(self) -> float:
        """How long the sound lasts, as far as it is made."""
        return sum(sentence.seconds for sentence in self.sentences)

    def is_heard_at(self, now: float) -> bool:
        """Whether its sound is being played, by a client that plays it as it comes."""
        return self.sounds_at is not None and (not self.is_complete or now < self.sounds_at + self.seconds)


@dataclass
class Conversation:
    """One learner talking with the tutor. Times are epoch seconds.

    `turn` is the one that is open: being spoken, or answered and not heard yet.
    """

    may_barge_in: bool = True
    wants_sound: bool = True
    format: AudioFormat = "auto"
    chunks: Chunks = field(default_factory=Chunks)
    stream: int = 1
    piece: int = 0
    has_lulled: bool = False
    began: int = 0
    """The last utterance that is known to have begun, and the last one to have ended: several ears may tell of it."""
    ended: int = 0
    counted_stream: int = 0
    counted_seconds: float = 0.0
    """So much of this stream's sound has been counted."""
    turn: int = 1
    said: list[Utterance] = field(default_factory=list)
    is_speaking: bool = False
    is_deaf: bool = False
    quiet_seconds: float = 0.0
    owes_answer: bool = False
    answers_in_stream: int = 0
    answer: Answer | None = None
    interrupted: int | None = None
    """The turn whose answer was interrupted last before it was complete, and what was heard of it."""
    heard_of_it: str = ""
    chat_id: str | None = None
    allowance_milliseconds: int = 0
    """Sound that was counted against the day's minutes and has not come yet."""
    dictating: str | None = None
    """The language of the code that is being dictated, if any is."""
    dictated: str = ""
    dictated_in: str = "python"
    bad_messages: int = 0

    # What the client sends

    def audio(self, chunk: Chunk) -> list[Effect]:
        """A chunk of the learner's sound."""
        ready, problem = self.chunks.take(chunk)
        told: list[Effect] = []
        if problem is not None:
            told = [_chunk_problem(problem, chunk.chunk_id)]
        elif not ready:
            told = [WaitForChunk(self.chunks.next_id or 0)]
        return [*told, *self._let_in(ready)]

    def chunk_is_missing(self, chunk_id: int) -> list[Effect]:
        """The chunk that was waited for has not come: on without it."""
        if not self.chunks.held or self.chunks.next_id != chunk_id:
            return []
        return [_chunk_problem("chunk_missing", chunk_id), *self._let_in(self.chunks.give_up())]

    def no_more_came(self, stream: int, piece: int) -> list[Effect]:
        """Nothing has come for a while since this piece."""
        if (self.stream, self.piece) != (stream, piece):
            return []
        self.has_lulled = True
        return [Lull()]

    def count_sound(self, stream: int, seconds: float) -> float:
        """How much of these seconds, the stream's until now, was not counted before."""
        if stream != self.counted_stream:
            self.counted_stream, self.counted_seconds = stream, 0.0
        more = max(0.0, seconds - self.counted_seconds)
        self.counted_seconds += more
        return more

    def _let_in(self, ready: list[Chunk]) -> Iterator[Effect]:
        for one in ready:
            try:
                sound = base64.b64decode(one.audio, validate=True)
            except (binascii.Error, ValueError):
                yield from self.misunderstood("bad_base64", "`audio` is not base64.", chunk_id=one.chunk_id)
                sound = b""
            else:
                self.bad_messages = 0
            yield Listen(sound, one.is_final, self.stream, self.piece, self.format, self.has_lulled)
            self.piece, self.has_lulled = self.piece + 1, False
            if one.is_final:
                self._next_stream()

    def audio_format(self, name: AudioFormat) -> list[Effect]:
        """From here on the sound is of another format."""
        self.chunks, self.format = Chunks(self.chunks.may_overtake), name
        self._next_stream()
        return [EndStream()]

    def _next_stream(self) -> None:
        self.stream, self.piece, self.has_lulled = self.stream + 1, 0, False

    def interrupt(self, now: float, heard_seconds: float | None = None) -> list[Effect]:
        """The learner wants the answer to stop; a client that knows says how much of it was played."""
        answer, self.answer = self.answer, None
        if answer is None or (answer.is_complete and not answer.is_heard_at(now)):
            return []
        if answer.sounds_at is None:
            self._next_turn()
        heard = _heard_seconds(answer, now, heard_seconds)
        text = heard_part(answer.sentences, heard) if self.wants_sound else _all_of(answer)
        told = Send("interrupted", {"turn": answer.turn, "heard_seconds": round(heard, 2), "text": text})
        if not answer.is_complete:
            self.interrupted, self.heard_of_it = answer.turn, text
            return [Stop(answer.turn, text), told, turn_end(answer.turn, "interrupted")]
        return [told] if answer.reply_id is None else [Cut(answer.reply_id, text), told]

    def dictate(self, language: str | None) -> list[Effect]:
        """Begin to take speech down as code of this language, or, with None, end it: what was dictated goes along with
        the next question.
        """
        self.dictating = language
        if language is not None:
            self.dictated, self.dictated_in = "", language
        return [Send("dictation", {"on": language is not None, "code": self.dictated})]

    def ping(self, data: Payload) -> list[Effect]:
        """Answer it."""
        return [Send("pong", data)]

    def misunderstood(self, reason: str, message: str, **more: Any) -> list[Effect]:
        """A message was not of the documented form."""
        self.bad_messages += 1
        told = error("VALIDATION_ERROR", message, reason=reason, **more)
        return [told, Close(NOT_UNDERSTOOD)] if self.bad_messages >= MOST_BAD_MESSAGES else [told]

    # What the ear hears

    def heard(self, what: Heard, now: float) -> list[Effect]:
        """The ear tells."""
        match what:
            case Began():
                return self._began(what, now)
            case Partly():
                return [] if self.is_deaf else [transcription(self.turn, self._so_far(what.text), 0.0, final=False)]
            case Ended():
                return self._ended(what)
            case Quiet():
                return self._quiet(what.seconds)

    def stream_ended(self) -> list[Effect]:
        """All of a stream has been heard; it has not been answered where nothing was understood in it."""
        answers, self.answers_in_stream, self.quiet_seconds = self.answers_in_stream, 0, 0.0
        if answers:
            return []
        if self.said:
            self.owes_answer = True
            return []
        return [transcription(self.turn, "", 0.0, final=True), *self._say_again()]

    def _began(self, what: Began, now: float) -> list[Effect]:
        if what.utterance <= self.began:
            return []
        self.began, self.quiet_seconds = what.utterance, 0.0
        if self.answer is not None and self.answer.is_heard_at(now) and not self.may_barge_in:
            self.is_deaf = True  # it may be the loudspeaker that the microphone hears
            return []
        stopped = self._stop_answer(now)
        self.is_speaking, self.is_deaf = True, False
        self.said.append(Utterance(what.utterance))
        return [*stopped, Send("speech_started", {"turn": self.turn, "at_seconds": round(what.at_seconds, 2)})]

    def _stop_answer(self, now: float) -> list[Effect]:
        answer = self.answer
        if answer is None or answer.sounds_at is not None or answer.is_complete:
            return self.interrupt(now)
        self.answer = None  # nothing was heard of it: the turn goes on
        self.answers_in_stream = max(0, self.answers_in_stream - 1)
        return [Stop(answer.turn, "", goes_on=True)]

    def _ended(self, what: Ended) -> list[Effect]:
        if what.utterance <= self.ended:
            return [PassOver(what.utterance)]
        self.ended = what.utterance
        if self.is_deaf:
            self.is_deaf = False
            return [PassOver(what.utterance)]
        self.is_speaking = False
        cut = [Send("utterance_cut", {"turn": self.turn})] if what.why == "cut" else []
        return [*cut, Recognise(what.utterance)]

    def _quiet(self, seconds: float) -> list[Effect]:
        if self.is_speaking or self.said or self.answer is not None:
            return []
        before, self.quiet_seconds = self.quiet_seconds, self.quiet_seconds + seconds
        feedback = coaching.on_silence(self.quiet_seconds)
        return [_feedback(self.turn, feedback)] if feedback and coaching.on_silence(before) is None else []

    # What was said

    def recognised(
        self, utterance: int, *, text: str, confidence: float, seconds: float, note: str | None = None
    ) -> list[Effect]:
        """The words of an utterance are known; `note` says what the engine did instead of what was asked for."""
        one = next((one for one in self.said if one.number == utterance), None)
        if one is None:
            return []
        one.text, one.confidence, one.seconds, one.note = text, confidence, seconds, note
        if self.dictating is not None:
            code = code_of(text, after=self.dictated, language=self.dictating)
            self.dictated = "\n".join(part for part in (self.dictated, code) if part)[:MOST_DICTATED_CHARACTERS]
        if self.is_speaking or any(other.text is None for other in self.said):
            return [transcription(self.turn, self._so_far(), confidence, final=False)]
        return self._all_said()

    def not_recognised(self, utterance: int, code: str, message: str) -> list[Effect]:
        """No engine could tell what was said."""
        if all(one.number != utterance for one in self.said):
            return []
        turn = self.turn
        self._next_turn()
        return [error(code, message, turn=turn), turn_end(turn, "failed")]

    def _all_said(self) -> list[Effect]:
        """The learner has finished: the turn is the tutor's."""
        text, confidence = self._so_far(), min(one.confidence for one in self.said)
        note = next((one.note for one in self.said if one.note), None)
        told: list[Effect] = [transcription(self.turn, text, confidence, final=True, note=note)]
        told += [_feedback(self.turn, one) for one in self._coached(text, confidence)]
        if not text:
            return [*told, *(self._say_again() if self.owes_answer else self._nothing_to_answer())]
        if self.dictating is not None:
            lines = self.dictated.count("\n") + 1
            return [*told, self._say(f"I have {lines} line{'' if lines == 1 else 's'}.", self.dictated)]
        dictated, self.dictated = self.dictated, ""
        self._answering()
        return [*told, Ask(self.turn, text, dictated, self.dictated_in, self.chat_id)]

    def _coached(self, text: str, confidence: float) -> Iterator[coaching.Feedback]:
        on_pace = coaching.on_pace(text, sum(one.seconds for one in self.said))
        on_clearness = coaching.on_clearness(text, confidence)
        yield from (one for one in (on_pace, on_clearness) if one is not None)

    def _nothing_to_answer(self) -> list[Effect]:
        turn = self.turn
        self._next_turn()
        return [turn_end(turn, "nothing_heard")]

    def _say_again(self) -> list[Effect]:
        return [self._say(NOT_HEARD)]

    def _say(self, text: str, code: str = "") -> Say:
        self._answering()
        return Say(self.turn, text, code, self.dictated_in)

    def _answering(self) -> None:
        self.answer, self.owes_answer = Answer(self.turn), False
        self.answers_in_stream += 1

    def _so_far(self, partly: str = "") -> str:
        return " ".join(part for part in (*(one.text for one in self.said), partly) if part)

    def _next_turn(self) -> None:
        self.turn += 1
        self.said, self.owes_answer = [], False

    # What is answered

    def replying(self, turn: int, chat_id: str, reply_id: str) -> list[Effect]:
        """The tutor has begun to answer."""
        self.chat_id = chat_id
        if self.answer is not None and self.answer.turn == turn:
            self.answer.reply_id = reply_id
        return []

    def recording(self, turn: int, audio_url: str) -> list[Effect]:
        """Its sound can be fetched from here on, while it is made."""
        if self.answer is None or self.answer.turn != turn:
            return []
        return [Send("audio_started", {"turn": turn, "audio_url": audio_url})]

    def sentence(self, turn: int, text: str) -> list[Effect]:
        """The next sentence of the answer: a caption, at once."""
        if self.answer is None or self.answer.turn != turn:
            return []
        self.answer.sentences.append(Sentence(text))
        return [Send("caption", {"turn": turn, "sentence": len(self.answer.sentences), "text": text})]

    def sound(self, turn: int, sentence: int, seconds: float, audio: str, now: float) -> list[Effect]:
        """A piece of a sentence's sound, as base64, and how long its sound is with it. Sentences count from 1."""
        answer = self.answer
        if answer is None or answer.turn != turn:
            return []
        if answer.sounds_at is None:
            answer.sounds_at = now
            self._next_turn()  # who speaks from now on interrupts
        answer.sentences[sentence - 1].seconds = seconds
        return [Send("audio_delta", {"turn": turn, "sentence": sentence, "audio": audio, "format": "mp3"})]

    def answered(self, turn: int, response: Payload, *, reply_id: str | None = None) -> list[Effect]:
        """The answer is complete: `response` is what `voice_response` says. Where it was interrupted while its end was
        being made, somewhere else perhaps, what was not heard of `reply_id` leaves the history again.
        """
        answer = self.answer
        if turn == self.interrupted and reply_id is not None:
            return [Cut(reply_id, self.heard_of_it)]
        if answer is None or answer.turn != turn:
            return []
        if answer.sounds_at is None:
            self._next_turn()
        answer.is_complete = True
        return [Send("voice_response", response | {"turn": turn}), turn_end(turn, "answered")]

    def not_answered(self, turn: int, code: str, message: str, **more: Any) -> list[Effect]:
        """The answer could not be made, or not to its end."""
        answer, self.answer = self.answer, None
        if answer is None or answer.turn != turn:
            self.answer = answer
            return []
        if answer.sounds_at is None:
            self._next_turn()
        return [error(code, message, turn=turn, **more), turn_end(turn, "failed")]


def _heard_seconds(answer: Answer, now: float, told: float | None) -> float:
    if answer.sounds_at is None:
        return 0.0
    return min(now - answer.sounds_at if told is None else told, answer.seconds)


def _all_of(answer: Answer) -> str:
    return " ".join(sentence.text for sentence in answer.sentences)


def _feedback(turn: int, feedback: coaching.Feedback) -> Send:
    data = {"turn": turn, "kind": feedback.kind, "value": feedback.value, "message": feedback.message}
    return Send("real_time_feedback", data)


def _chunk_problem(problem: Problem, chunk_id: int) -> Send:
    message = {
        "chunk_repeated": f"Chunk {chunk_id} has been heard already.",
        "chunk_missing": f"A chunk before or at {chunk_id} is missing; the sound goes on without it.",
    }[problem]
    return error("VALIDATION_ERROR", message, reason=problem, chunk_id=chunk_id)
