"""The doors of voice beside the live one: tickets, voices, recordings, and spoken answers."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import AfterValidator, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from learntrac.accounts.callers import MaybeSignedIn, NotSignedIn, SignedIn
from learntrac.accounts.tokens import Claims
from learntrac.kit.errors import Detail, LearnTracError, ValidationFailed
from learntrac.kit.fields import storable
from learntrac.kit.http.doors import API
from learntrac.kit.http.writing import Write
from learntrac.voice import service
from learntrac.voice.fetching import find_range, streamed
from learntrac.voice.schemas import Ticket, TranscribeQuery, TranscribeReply, VoiceItem, Voices
from learntrac.voice.studio import TICKET_SECONDS, Studio
from learntrac.voice.transcribing import LARGEST_RECORDING_BYTES, Asked, get_asked_topic, transcribe

AudioId = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=60)]
OBJECT_URL_SECONDS = 60
FORM_BYTES = 64 * 1024
"""What a form has beside the recording."""

router = APIRouter(prefix=f"{API}/voice", tags=["Voice Interaction"])


@router.post("/ticket", response_model=Ticket)
async def get_ticket(request: Request, _caller: SignedIn, write: Write) -> Response:
    """Get a ticket for one voice connection: it keeps the token out of the address"""
    studio: Studio = request.app.state.studio
    claims: Claims = await studio.claims_of(request.headers["authorization"].partition(" ")[2].strip())
    ticket = Ticket(ticket=await studio.issue_ticket(claims), expires_in=TICKET_SECONDS, url=_socket_url(request))

    async def verb(_session: object) -> Ticket:
        return ticket

    return await write.run(verb)


def _socket_url(request: Request) -> str:
    base = request.app.state.settings.public_url or str(request.base_url)
    return base.rstrip("/").replace("http", "ws", 1) + "/ws/voice"


@router.get("/voices", response_model=Voices)
async def list_voices(request: Request, _caller: SignedIn) -> Voices:
    """List voices and languages: any other voice is replaced, and the answer says so"""
    speech = request.app.state.speech
    return Voices(
        voices=[VoiceItem(**vars(voice)) for voice in await speech.speaker.voices()],
        languages=list(speech.recogniser.languages()),
        provider=speech.name,
    )


_RECORDING_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audio_file"],
                    "properties": {
                        "audio_file": {
                            "type": "string",
                            "format": "binary",
                            "description": "WAV, MP3, M4A, WebM or Ogg, at most 25 MiB",
                        },
                        "context": {"type": "integer", "description": "A concept whose words are expected"},
                        "language": {"type": "string", "default": "en-US"},
                    },
                }
            }
        },
    },
    "responses": {"404": {}},
}


@router.post(
    "/transcribe",
    response_model=TranscribeReply,
    openapi_extra=_RECORDING_FORM,
    max_body_size=LARGEST_RECORDING_BYTES + FORM_BYTES,
)
async def take_recording(request: Request, caller: SignedIn, write: Write) -> Response:
    """Transcribe audio file for learning: what was said, and the tutor's answer"""
    studio: Studio = request.app.state.studio
    async with request.form(max_files=1, max_fields=4, max_part_size=FORM_BYTES) as form:
        recording, query = _recording(form), _query(form)
        asked = Asked(caller.user_id, query.context, query.language)
        topic = await get_asked_topic(studio, asked)
        write.body = await _digest(recording, asked)
        known = await write.find_known()
        if known is not None:
            return known
        transcribed = await transcribe(studio, asked, topic, recording.read)
    return await write.run(transcribed.keep)


def _recording(form: FormData) -> UploadFile:
    recording = form.get("audio_file")
    if not isinstance(recording, UploadFile) or not recording.size:
        raise _refused("audio_file", "must be a file with a recording")
    if recording.size > LARGEST_RECORDING_BYTES:
        raise _refused("audio_file", "must have at most 25 MiB")
    return recording


def _query(form: FormData) -> TranscribeQuery:
    given = {name: form[name] for name in ("context", "language") if form.get(name)}
    try:
        return TranscribeQuery.model_validate(given)
    except ValidationError as error:
        line = error.errors(include_input=False, include_context=False)[0]
        raise _refused(str(line["loc"][0]), line["msg"].removeprefix("Value error, ")) from None


def _refused(field: str, message: str) -> LearnTracError:
    return ValidationFailed("Invalid request parameters", details=[Detail(field, message)])


async def _digest(recording: UploadFile, asked: Asked) -> bytes:
    digest = hashlib.sha256(f"{asked.concept_id} {asked.language}\0".encode())
    while piece := await recording.read(1024 * 1024):
        digest.update(piece)
    await recording.seek(0)
    return digest.digest()


@router.get("/audio/{audio_id}.mp3", response_class=Response, responses={200: {"content": {"audio/mpeg": {}}}, 401: {}})
async def get_audio(request: Request, audio_id: AudioId, caller: MaybeSignedIn, audio_token: str = "") -> Response:
    """Get a spoken answer as MP3, while it is made too: by its learner, or with the token in its address"""
    state, now = request.app.state, request.app.state.clock()
    audio = await service.get_audio(state.database.hot, audio_id=audio_id, now=now)
    if caller is not None:
        audio.must_be_of(caller.user_id)
    elif not service.audio_token_fits(state.secret, audio_token, audio_id=audio_id, owner=audio.user_id, now=now):
        raise NotSignedIn
    if audio.stored_as and state.objects is not None:
        address = await state.objects.url(audio.stored_as, seconds=OBJECT_URL_SECONDS)
        return RedirectResponse(address, headers={"Cache-Control": "no-store"})
    pieces = streamed(state.database.hot, audio_id=audio_id, complete=audio.is_complete)
    if not audio.is_complete:
        return StreamingResponse(pieces, media_type="audio/mpeg")
    return _whole(b"".join([piece async for piece in pieces]), request.headers.get("range"))


def _whole(mp3: bytes, asked: str | None) -> Response:
    """Players ask for parts of what is complete, to jump in it."""
    part, headers = find_range(asked, len(mp3)), {"Accept-Ranges": "bytes"}
    if part is None:
        return Response(mp3, media_type="audio/mpeg", headers=headers)
    first, last = part
    headers["Content-Range"] = f"bytes {first}-{last}/{len(mp3)}"
    return Response(mp3[first : last + 1], 206, media_type="audio/mpeg", headers=headers)
