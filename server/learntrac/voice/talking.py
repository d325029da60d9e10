"""One conversation while this process serves it: does what the state machine wants done.

What happens, a message, a sound, a part of an answer, moves the conversation on, one thing at a time (`Place.taken`).
What takes long, recognition and answers, runs beside it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress

from learntrac.backends.speech import BadAudio, SpeechBusy, SpeechDown
from learntrac.chat.schemas import LONGEST_MESSAGE
from learntrac.kit.errors import LearnTracError, Unavailable
from learntrac.kit.logs import error_log
from learntrac.voice.answering import Answering, Manner, Move
from learntrac.voice.chunks import Chunk
from learntrac.voice.conversation import Conversation
from learntrac.voice.ear import Ear
from learntrac.voice.effects import (
    LIMIT_REACHED,
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
)
from learntrac.voice.hearing import Heard
from learntrac.voice.recording import Recording
from learntrac.voice.schemas import (
    AudioFormatChange,
    AudioStream,
    ClientMessage,
    Dictation,
    Interrupt,
    NotUnderstood,
    Ping,
)
from learntrac.voice.service import MinutesUsedUp
from learntrac.voice.shared import TalkLost
from learntrac.voice.tools import Line, Meter, Place, Reply, Tools, Tutor
from learntrac.voice.wording import Shown

LULL_SECONDS = 1.5
"""A microphone that is switched off sends no silence: who was speaking has finished after so long."""
LATE_SECONDS, MOST_LULLS = 0.3, 60
"""What was still being decoded then is looked for again after so long, and so often: a decoder may only be starting."""
CHUNK_WITHIN_SECONDS = 2.0
"""A chunk that others have overtaken is waited for so long."""
PATH = "/ws/voice"


class Talk:
    """Does what a conversation wants, until it is closed."""

    def __init__(
        self,
        tools: Tools,
        *,
        user_id: str,
        place: Place,
        line: Line,
        ear: Ear,
        meter: Meter,
        tutor: Tutor,
        manner: Manner,
        stop_elsewhere: Callable[[Stop], Awaitable[None]] | None = None,
    ) -> None:
        self._tools = tools
        self._user_id = user_id
        self._place = place
        self._line = line
        self._ear = ear
        self._meter = meter
        self._tutor = tutor
        self._manner = manner
        self._stop_elsewhere = stop_elsewhere
        self._answers: dict[int, asyncio.Task[None]] = {}
        self._stopped: dict[int, Stop] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._ended_at: float | None = None
        self._lulling: asyncio.TimerHandle | None = None
        self._lulls = 0
        self._is_over = False

    async def take(self, message: ClientMessage) -> None:
        """A message of the client's, after `connect`."""
        now = self._now()
        match message:
            case AudioStream():
                chunk = Chunk(message.chunk_id, message.audio, message.is_final)
                await self.step(lambda talk: talk.audio(chunk))
            case AudioFormatChange():
                await self.step(lambda talk: talk.audio_format(message.format))
            case Interrupt():
                await self.step(lambda talk: talk.interrupt(now, message.heard_seconds))
            case Dictation():
                await self.step(lambda talk: talk.dictate(message.language if message.on else None))
            case Ping():
                await self.step(lambda talk: talk.ping(message.model_dump(exclude_none=True)))
            case _:
                await self.misunderstood(NotUnderstood("already_connected", "This connection has begun already."))

    async def misunderstood(self, problem: NotUnderstood) -> None:
        """A message was not of the documented form."""
        await self.step(lambda talk: talk.misunderstood(problem.reason, problem.message))

    async def step(self, move: Move) -> None:
        """Move the conversation on, and do what it wants done."""
        async with self._place.taken() as talk:
            await self._do_all(talk, move(talk))

    @property
    def is_busy(self) -> bool:
        """Whether something is under way here."""
        return bool(self._answers or self._beside)

    async def hang_up(self) -> None:
        """The conversation is over. Of an answer on its way the history keeps what was heard; what is understood
        only now gets none.
        """
        self._is_over, now = True, self._now()
        self._wait_for_more(None)
        await self.step(lambda talk: talk.interrupt(now))
        with suppress(Unavailable):  # seconds of the day are lost, and nothing else may be
            await self._meter.settle(self._place)
        for turn in list(self._answers):
            self.stop(Stop(turn, ""))
        await self.finish()
        await self.leave()

    async def finish(self) -> None:
        """Return when nothing is under way here any more."""
        while tasks := [*self._answers.values(), *self._beside]:
            await asyncio.wait(tasks)

    async def leave(self) -> None:
        """Give up what is held here."""
        self._wait_for_more(None)
        await self._ear.close()

    # What is wanted

    async def _do_all(self, talk: Conversation, effects: Iterable[Effect]) -> None:
        for effect in effects:
            await self._do(talk, effect)

    async def _do(self, talk: Conversation, effect: Effect) -> None:
        """What is done at once; what takes long is begun."""
        match effect:
            case Send():
                await self._line.send(effect)
            case Close():
                await self._line.close(effect.code)
            case Listen():
                await self._listen(talk, effect)
            case Lull():
                await self._lull(talk)
            case EndStream():
                await self._hear(talk, await self._ear.end_stream())
            case Stop():
                await self._stop_anywhere(effect)
            case PassOver():
                await self._ear.pass_over(effect.utterance)
            case _:
                self._begin(effect)

    def _begin(self, effect: Recognise | WaitForChunk | Ask | Say | Cut) -> None:
        match effect:
            case Recognise():
                self._ended_at = time.monotonic()
                self._run_beside(self._recognise(effect.utterance))
            case WaitForChunk():
                self._run_beside(self._wait_for_chunk(effect.chunk_id))
            case Cut():
                self._run_beside(self._tutor.cut(effect.reply_id, effect.heard))
            case Ask() | Say() if not self._is_over:
                self._answers[effect.turn] = asyncio.create_task(self._answer(effect))

    def _run_beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(_seen_to(work))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _now(self) -> float:
        return self._tools.clock().timestamp()

    # Hearing

    async def _listen(self, talk: Conversation, effect: Listen) -> None:
        self._ear.dictating = talk.dictating
        self._wait_for_more(None if effect.is_final else effect)

        async def heard() -> list[Heard]:
            pcm = await self._ear.decode(effect)
            await self._count(talk)
            return await self._ear.hear(pcm, is_final=effect.is_final)

        if await self._try_to_hear(talk, heard) and effect.is_final:
            await self._do_all(talk, talk.stream_ended())

    async def _lull(self, talk: Conversation) -> None:
        async def heard() -> list[Heard]:
            found, is_late = await self._ear.lull()
            await self._count(talk)
            if is_late and self._lulls < MOST_LULLS and not self._is_over:
                self._lulls += 1
                self._look_again_in(LATE_SECONDS, talk.stream, talk.piece)
            return found

        await self._try_to_hear(talk, heard)

    async def _count(self, talk: Conversation) -> None:
        await self._meter.take(talk, talk.count_sound(*self._ear.decoded))

    async def _try_to_hear(self, talk: Conversation, hear: Callable[[], Awaitable[list[Heard]]]) -> bool:
        """Do about what is heard, or about why nothing is; whether anything could be."""
        try:
            heard = await hear()
        except BadAudio as problem:
            await self._do_all(talk, talk.misunderstood("bad_audio", problem.message))
        except MinutesUsedUp as problem:
            told = error(problem.code, problem.message, retry_after_seconds=problem.retry_after_seconds)
            await self._do_all(talk, [told, Close(LIMIT_REACHED)])
        except (SpeechDown, SpeechBusy) as problem:
            await self._do_all(talk, [error(problem.code, problem.message)])
        else:
            await self._hear(talk, heard)
            return True
        return False

    def _wait_for_more(self, after: Listen | None) -> None:
        """Come back should nothing follow this sound."""
        if self._lulling is not None:
            self._lulling.cancel()
        self._lulling, self._lulls = None, 0
        if after is not None:
            self._look_again_in(LULL_SECONDS, after.stream, after.piece + 1)

    def _look_again_in(self, seconds: float, stream: int, piece: int) -> None:
        self._lulling = asyncio.get_running_loop().call_later(seconds, self._no_more_came, stream, piece)

    def _no_more_came(self, stream: int, piece: int) -> None:
        self._run_beside(self.step(lambda talk: talk.no_more_came(stream, piece)))

    async def _hear(self, talk: Conversation, heard: Iterable[Heard]) -> None:
        for what in heard:
            await self._do_all(talk, talk.heard(what, self._now()))

    async def _recognise(self, utterance: int) -> None:
        try:
            transcript, seconds = await self._ear.recognise(utterance)
        except (SpeechDown, SpeechBusy) as problem:
            code, message = problem.code, problem.message
            await self.step(lambda talk: talk.not_recognised(utterance, code, message))
            return
        text, confidence, note = transcript.text, transcript.confidence, transcript.note
        await self.step(
            lambda talk: talk.recognised(utterance, text=text, confidence=confidence, seconds=seconds, note=note)
        )

    async def _wait_for_chunk(self, chunk_id: int) -> None:
        await asyncio.sleep(CHUNK_WITHIN_SECONDS)
        await self.step(lambda talk: talk.chunk_is_missing(chunk_id))

    # Answering

    async def _answer(self, effect: Ask | Say) -> None:
        turn = effect.turn
        try:
            await (self._ask(effect) if isinstance(effect, Ask) else self._say(effect))
        except TalkLost:
            pass  # nobody is there any more to be told
        except LearnTracError as problem:
            await self._not_answered(turn, problem)
        except Exception as problem:  # noqa: BLE001 - the talk goes on, whatever it was
            error_log(problem, path=PATH)
            await self._not_answered(turn, LearnTracError("The answer could not be made."))
        finally:
            self._answers.pop(turn, None)
            self._stopped.pop(turn, None)

    async def _not_answered(self, turn: int, problem: LearnTracError) -> None:
        code, message, seconds = problem.code, problem.message, problem.retry_after_seconds
        await self.step(lambda talk: talk.not_answered(turn, code, message, retry_after_seconds=seconds))

    async def _ask(self, effect: Ask) -> None:
        fenced = f"\n\n```{effect.code_language}\n{effect.code}\n```" if effect.code else ""
        text = effect.text[: LONGEST_MESSAGE - len(fenced)] + fenced
        reply = await self._tutor.ask(text, chat_id=effect.chat_id)
        try:
            await self.step(lambda talk: talk.replying(effect.turn, reply.chat_id, reply.id))
            answering = await self._speak(effect.turn, reply)
            await reply.keep()
            answering.code += [one for one in reply.code if one not in answering.code]
            await self._answered(answering, await self._tutor.find_picture(), reply.more, reply_id=reply.id)
        except asyncio.CancelledError:
            await self._keep_heard(reply, self._stopped.pop(effect.turn, Stop(effect.turn, "")))
            raise

    async def _keep_heard(self, reply: Reply, stop: Stop) -> None:
        await reply.keep_heard(stop)
        # All of it may have joined the history a moment before.
        await self._tutor.cut(reply.id, stop.heard)

    async def _say(self, effect: Say) -> None:
        answering = await self._speak(effect.turn, _written(effect.text))
        answering.code += [Shown(effect.code_language, effect.code)] if effect.code else []
        await self._answered(answering, await self._tutor.find_picture(), {})

    async def _speak(self, turn: int, written: AsyncIterator[str] | Reply) -> Answering:
        def tell_where(audio_id: str) -> None:
            address = self._tools.address_of(audio_id, self._user_id)
            self._run_beside(self.step(lambda talk: talk.recording(turn, address)))

        on_begun = tell_where if self._manner.aloud else None
        recording = Recording(self._tools.shelf, user_id=self._user_id, on_begun=on_begun)
        answering = Answering(turn, self._manner, self._tools.speaker, recording, self.step, self._now, self._sounds)
        try:
            await answering.run(written)
        finally:
            self._run_beside(recording.complete())
        return answering

    async def _answered(
        self, answering: Answering, aids: list[Payload], more: Payload, *, reply_id: str | None = None
    ) -> None:
        address = self._tools.address_of(answering.recording.audio_id, self._user_id)
        response = answering.response(address, aids) | more
        await self.step(lambda talk: talk.answered(answering.turn, response, reply_id=reply_id))

    def _sounds(self) -> None:
        if self._ended_at is not None:
            self._tools.turn_took(time.monotonic() - self._ended_at)
            self._ended_at = None

    async def _stop_anywhere(self, stop: Stop) -> None:
        if not self.stop(stop) and self._stop_elsewhere is not None:
            await self._stop_elsewhere(stop)

    def stop(self, stop: Stop) -> bool:
        """Stop answering this turn; whether it is answered here. What was heard is kept by the one who answers."""
        task = self._answers.get(stop.turn)
        if task is None:
            return False
        self._stopped.setdefault(stop.turn, stop)
        task.cancel()
        return True


async def _seen_to(work: Coroutine[None, None, None]) -> None:
    """Nobody waits for what runs beside the talk: what goes wrong in it is logged."""
    try:
        await work
    except TalkLost:
        pass  # the learner has hung up meanwhile
    except Exception as problem:  # noqa: BLE001 - the talk goes on, whatever it was
        error_log(problem, path=PATH)


async def _written(text: str) -> AsyncIterator[str]:
    yield text
