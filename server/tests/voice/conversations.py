"""Conversations with the tutor that go the same way over every door: real sockets, real synthetic speech.

Each test module says over which door, by its fixture `door`.
"""

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field

import pytest
import websockets

from learntrac.backends.speech import AudioFormat, Speech
from tests.backends.speech.sounds import encoded
from tests.conftest import Api, Person, eventually
from tests.voice.clients import Learner, as_wav, learner_at, silence, spoken

QUESTION = "Can you name the parts of a message?"
ANOTHER = "What is a status line?"


@dataclass
class Door:
    """A way to speak with the tutor; `whole` has partial transcriptions while somebody speaks."""

    api: Api
    url: Callable[[str | None], str]
    has_partials: bool
    people: dict[str, Person] = field(default_factory=dict)
    sounds: dict[str, bytes] = field(default_factory=dict)

    @property
    def speech(self) -> Speech:
        return self.api.parts.speech

    async def sound_of(self, text: str) -> bytes:
        """Somebody saying this."""
        if text not in self.sounds:
            self.sounds[text] = await spoken(self.speech, text)
        return self.sounds[text]

    async def person(self, name: str) -> Person:
        """Somebody who is signed in."""
        if name not in self.people:
            self.people[name] = await self.api.sign_in(name)
        return self.people[name]

    async def all_closed(self, person: Person) -> None:
        """Wait until none of theirs counts any more."""
        await eventually(lambda: self._none_counts(person))

    async def _none_counts(self, person: Person) -> bool:
        rows = await self.api.parts.database.hot.rows(
            "SELECT count(*) FROM voice_connection WHERE user_id = $1", person.login["user"]["id"]
        )
        return bool(rows[0][0] == 0)

    async def open(self, name: str = "alice") -> AbstractAsyncContextManager[Learner]:
        """A connection of this learner's."""
        return learner_at(self.url((await self.person(name)).token))


async def history_of(person: Person, chat_id: str) -> list[tuple[str, str, bool]]:
    """(role, text, whether it was cut) of a chat."""
    answer = await person.get(f"/chat/{chat_id}/history")
    assert answer.status == 200, answer.body
    return [(one["role"], one["content"], one["is_cut"]) for one in answer["messages"]]


class Conversations:
    """The suite."""

    async def test_a_question_is_heard_and_answered_aloud(self, door: Door) -> None:
        async with await door.open() as learner:
            hello = await learner.connect(
                session_type="voice_tutoring", concept_id=1, preferred_voice="alloy", language="en-US"
            )
            await learner.say(await door.sound_of(QUESTION))
            final = await learner.hear("transcription", is_final=True)
            response = await learner.hear("voice_response")
            await learner.hear("turn_end", reason="answered")

        assert hello["features"] == ["transcription", "real-time-feedback", "code-dictation"]
        assert "message" in final["text"]
        assert 0 < final["confidence"] <= 1
        assert [one["text"] for one in learner.of("caption")] == [*_sentences(learner)]
        assert response["text"] == " ".join(_sentences(learner))
        assert response["duration"] > 1
        assert "alloy" in response["note"], "an unknown voice falls back and says so"
        assert {"concept_graph"} <= {aid["type"] for aid in response["visual_aids"]}
        kinds = [one["type"] for one in learner.heard]
        assert kinds.index("caption") < kinds.index("audio_delta") < kinds.index("voice_response")
        mp3 = b"".join(base64.b64decode(one["audio"]) for one in learner.of("audio_delta"))
        pcm = await door.speech.decoding.decode(mp3, longest_seconds=120)
        assert len(pcm) / 32_000 == pytest.approx(response["duration"], abs=0.5)

    async def test_the_talk_is_in_the_history_of_the_chat(self, door: Door) -> None:
        alice = await door.person("alice")
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.say(await door.sound_of(QUESTION))
            said = await learner.hear("transcription", is_final=True)
            first = await learner.hear("voice_response")
            await learner.send("interrupt", heard_seconds=first["duration"])
        async with await door.open() as again:
            await again.connect(concept_id=1, chat_id=first["chat_id"])
            await again.say(await door.sound_of(ANOTHER))
            second = await again.hear("voice_response")
            # Else who hangs up now has heard nothing of it, and the history keeps what was heard.
            await again.send("interrupt", heard_seconds=second["duration"])
            await again.hear("interrupted")

        assert second["chat_id"] == first["chat_id"]
        roles = [role for role, _, _ in await history_of(alice, first["chat_id"])]
        assert roles == ["user", "assistant", "user", "assistant"]
        assert (await history_of(alice, first["chat_id"]))[0][1] == said["text"]

    async def test_who_speaks_while_the_answer_sounds_interrupts_it(self, door: Door) -> None:
        alice = await door.person("alice")
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.say(await door.sound_of(QUESTION))
            await learner.hear("audio_delta")
            await learner.stream(as_wav(await door.sound_of(ANOTHER) + silence(1.0)), final=False)
            stopped = await learner.hear("interrupted")
            second = await learner.hear("voice_response")

        kinds = [(one["type"], one["data"].get("turn")) for one in learner.heard]
        assert ("audio_delta", 1) not in kinds[kinds.index(("interrupted", 1)) :]
        assert stopped["turn"] == 1
        assert second["turn"] == 2
        whole = " ".join(one["text"] for one in learner.of("caption") if one["turn"] == 1)
        assert len(stopped["text"]) < len(whole)

        async def only_that_is_kept() -> bool:
            # Up to the next question: the second answer may have been cut too by now, as its learner has hung up.
            talked = [(role, text) for role, text, _ in await history_of(alice, second["chat_id"])]
            first, following = (at for at, (role, _) in enumerate(talked) if role == "user")
            kept = [text for _, text in talked[first + 1 : following]]
            return kept == [text for text in [stopped["text"]] if text]

        await eventually(only_that_is_kept)  # where another process answers, it is told

    async def test_the_client_may_say_how_much_was_heard(self, door: Door) -> None:
        alice = await door.person("alice")
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.say(await door.sound_of(QUESTION))
            response = await learner.hear("voice_response")
            await learner.send("interrupt", heard_seconds=1.0)
            stopped = await learner.hear("interrupted")
            await learner.send("ping", id=1)
            await learner.hear("pong")

        assert stopped["heard_seconds"] == 1.0
        assert stopped["text"].endswith("…")
        assert response["text"].startswith(stopped["text"].removesuffix(" …"))

        async def is_cut() -> bool:
            return (await history_of(alice, response["chat_id"]))[-1] == ("assistant", stopped["text"], True)

        await eventually(is_cut)

    async def test_a_pause_ends_what_is_said_without_being_told(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, audio_format="pcm16")
            await learner.stream(await door.sound_of(QUESTION) + silence(1.2), final=False)
            final = await learner.hear("transcription", is_final=True)
            response = await learner.hear("voice_response")

        assert "message" in final["text"]
        assert response["text"]
        assert bool([one for one in learner.of("transcription") if not one["is_final"]]) <= door.has_partials

    @pytest.mark.parametrize("format_", ["pcm16", "webm"])
    async def test_a_microphone_that_is_switched_off_ends_what_is_said(self, door: Door, format_: AudioFormat) -> None:
        question = await door.sound_of(QUESTION)
        async with await door.open() as learner:
            await learner.connect(concept_id=1, audio_format=format_, stream_audio=False)
            sound = question if format_ == "pcm16" else encoded(question, format_)
            await learner.stream(sound, final=False, chunk_bytes=3000)
            final = await learner.hear("transcription", is_final=True)
            response = await learner.hear("voice_response")

        assert "message" in final["text"]
        assert response["text"]

    async def test_silence_is_answered_where_the_client_says_that_it_is_final(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.stream(as_wav(silence(1.0)))
            final = await learner.hear("transcription", is_final=True)
            response = await learner.hear("voice_response")

        assert final["text"] == ""
        assert response["text"] == "I did not hear any words. Please say it again."
        assert response["audio_url"]

    async def test_who_wants_no_sound_reads(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, stream_audio=False)
            await learner.say(await door.sound_of(QUESTION))
            response = await learner.hear("voice_response")

        assert learner.of("caption")
        assert learner.of("audio_delta") == learner.of("audio_started") == []
        assert (response["duration"], response["audio_url"]) == (0, None)

    async def test_the_sound_is_at_its_address_for_its_learner_only(self, door: Door) -> None:
        alice, bob = await door.person("alice"), await door.person("bob")
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.say(await door.sound_of(QUESTION))
            response = await learner.hear("voice_response")

        path, _, query = response["audio_url"].partition("?")
        path = path.removeprefix("/api/learntrac/v1")
        sent = b"".join(base64.b64decode(one["audio"]) for one in learner.of("audio_delta"))
        by_tag = await door.api.client.get(response["audio_url"])
        assert (by_tag.status_code, by_tag.headers["content-type"]) == (200, "audio/mpeg")
        assert by_tag.content == sent
        assert (await alice.get(path)).status == 200
        assert (await bob.get(path)).error == (404, "NOT_FOUND")
        assert (await door.api.anybody.get(path)).error == (401, "AUTHENTICATION_ERROR")
        assert (await door.api.anybody.get(path, audio_token="1.x")).error == (401, "AUTHENTICATION_ERROR")
        part = await door.api.client.get(response["audio_url"], headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, sent[10:20])
        assert query

    async def test_the_sound_can_be_fetched_while_it_is_made(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            await learner.say(await door.sound_of(QUESTION))
            begun = await learner.hear("audio_started")
            fetched = await door.api.client.get(begun["audio_url"])
            response = await learner.hear("voice_response")

        sent = b"".join(base64.b64decode(one["audio"]) for one in learner.of("audio_delta"))
        assert (fetched.status_code, fetched.content) == (200, sent)
        assert begun["turn"] == response["turn"]
        assert begun["audio_url"].partition("?")[0] == response["audio_url"].partition("?")[0]

    async def test_a_language_that_is_not_understood_is_told_with_the_words(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, language="fy-NL", stream_audio=False)
            await learner.say(await door.sound_of(QUESTION))
            final = await learner.hear("transcription", is_final=True)

        assert final["note"] == "pocketsphinx does not understand fy-NL; it was heard as en-US."

    async def test_chunks_that_are_missing_or_repeated_are_told(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, audio_format="pcm16")
            sound = base64.b64encode(silence(0.1)).decode()
            await learner.send("audio_stream", audio=sound, chunk_id=1)
            await learner.send("ping", id=1)
            await learner.hear("pong")
            await learner.send("audio_stream", audio=sound, chunk_id=1)
            repeated = await learner.hear("error")
            await learner.send("audio_stream", audio=sound, chunk_id=5)
            missing = await learner.hear("error")
            await learner.send("audio_stream", audio="no base64!", chunk_id=6)
            bad = await learner.hear("error")

        assert [one["reason"] for one in (repeated, missing, bad)] == ["chunk_repeated", "chunk_missing", "bad_base64"]

    async def test_what_is_no_sound_is_told_and_the_talk_goes_on(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, stream_audio=False)
            await learner.stream(b"PK\x03\x04 this is a zip called question.mp3" * 50)
            bad = await learner.hear("error")
            await learner.say(await door.sound_of(QUESTION))
            response = await learner.hear("voice_response")

        assert bad["reason"] == "bad_audio"
        assert response["text"]

    async def test_messages_that_are_not_understood_are_told(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1)
            reasons = []
            for text in ("{", "[]", '{"action": "fly"}', '{"action": "audio_stream", "data": {"chunk_id": -1}}'):
                await learner.socket.send(text)
                reasons.append((await learner.hear("error"))["reason"])
            await learner.connect_again()

        assert reasons == ["not_json", "unknown_action", "unknown_action", "invalid_data"]

    async def test_the_first_message_must_be_connect(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.send("audio_stream", audio="", chunk_id=1)
            told = await learner.hear("error")
            code = await learner.end_code()

        assert told["reason"] == "not_connected"
        assert code == 4400

    async def test_a_concept_that_is_not_there_ends_it(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.send("connect", concept_id=999)
            told = await learner.hear("error")
            code = await learner.end_code()

        assert (told["code"], code) == ("NOT_FOUND", 4404)

    async def test_another_s_chat_is_not_there(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, stream_audio=False)
            await learner.say(await door.sound_of(QUESTION))
            chat_id = (await learner.hear("voice_response"))["chat_id"]
        async with await door.open("bob") as other:
            await other.send("connect", concept_id=1, chat_id=chat_id)
            assert (await other.hear("error"))["code"] == "NOT_FOUND"

    async def test_a_forged_token_is_refused_before_anything_is_said(self, door: Door) -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with learner_at(door.url("forged")):
                pass
        assert refused.value.response.status_code == 401

    async def test_without_a_token_in_the_address_connect_brings_one_or_a_ticket(self, door: Door) -> None:
        alice = await door.person("alice")
        ticket = (await alice.post("/voice/ticket"))["ticket"]
        async with learner_at(door.url(None)) as learner:
            await learner.connect(token=alice.token)
        async with learner_at(door.url(None)) as learner:
            await learner.connect(ticket=ticket)
        async with learner_at(door.url(None)) as learner:
            await learner.send("connect", ticket=ticket)
            used = await learner.hear("error")
            assert await learner.end_code() == 4401
        async with learner_at(door.url(None)) as learner:
            await learner.send("connect")
            nobody = await learner.hear("error")

        assert used["code"] == nobody["code"] == "AUTHENTICATION_ERROR"

    async def test_a_goodbye_ends_it(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect()
            await learner.send("disconnect")
            assert await learner.end_code() == 1000

    async def test_whose_sign_in_ends_is_let_go(self, door: Door) -> None:
        carol = await door.api.sign_in("bob")
        async with learner_at(door.url(carol.token)) as learner:
            await learner.connect()
            await carol.post("/auth/logout")
            assert await learner.end_code() == 4401

    async def test_a_sixth_connection_is_refused_and_closed_ones_do_not_count(self, door: Door) -> None:
        ivan = await door.person("ivan")
        for _ in range(2):
            async with AsyncExitStack() as stack:
                for _ in range(5):
                    one = await stack.enter_async_context(learner_at(door.url(ivan.token)))
                    await one.connect()
                sixth = await stack.enter_async_context(learner_at(door.url(ivan.token)))
                await sixth.send("connect")
                assert (await sixth.hear("error"))["code"] == "RATE_LIMIT_EXCEEDED"
                assert await sixth.end_code() == 4429
            await door.all_closed(ivan)

    async def test_code_that_is_dictated_is_shown(self, door: Door) -> None:
        async with await door.open() as learner:
            await learner.connect(concept_id=1, stream_audio=False)
            await learner.send("dictation", on=True)
            await learner.hear("dictation", on=True)
            await learner.say(await door.sound_of("return x plus one"))
            response = await learner.hear("voice_response")
            await learner.send("dictation", on=False)
            ended = await learner.hear("dictation", on=False)

        assert response["text"] == "I have 1 line."
        (snippet,) = [aid for aid in response["visual_aids"] if aid["type"] == "code_snippet"]
        assert snippet["content"] == ended["code"] != ""


def _sentences(learner: Learner) -> list[str]:
    return [one["text"] for one in learner.of("caption")]
