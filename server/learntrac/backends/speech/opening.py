"""Which engines a server has: a cloud's with this machine's behind them, or this machine's alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learntrac.backends.speech import Recogniser, Speaker, Speech
from learntrac.backends.speech.decoding import ProcessDecoding
from learntrac.backends.speech.fallback import FallbackRecogniser, FallbackSpeaker
from learntrac.backends.speech.local import EngineRecogniser, EngineSpeaker
from learntrac.backends.speech.pool import Pool

DECODERS = 8
"""Compressed streams that are decoded at once; each process takes some 30 MiB while there is one."""


@dataclass(frozen=True)
class SpeechSettings:
    """What an operator says of speech. The endpoints are for servers that are not the providers' own."""

    provider: Literal["local", "openai", "aws"] = "local"
    processes: int = 2
    whisper_model: Path | None = None
    piper_voices: Path | None = None
    api_key: str | None = None
    base_url: str | None = None
    recognition_model: str | None = None
    speech_model: str | None = None
    aws_vocabulary: str | None = None
    transcribe_url: str | None = None
    polly_url: str | None = None


def open_speech(settings: SpeechSettings) -> Speech:
    """The engines. No process is started and nobody is asked before the first call. Raises ValueError, in a sentence,
    for a provider that lacks something.
    """
    recogniser: Recogniser = (local := _local_recogniser(settings))
    speaker = _local_speaker(settings)
    if settings.provider != "local":
        first_hears, first_speaks = (_openai if settings.provider == "openai" else _aws)(settings)
        recogniser, speaker = FallbackRecogniser(first_hears, recogniser), FallbackSpeaker(first_speaks, speaker)
    decoding = ProcessDecoding(processes=DECODERS)
    # Behind a cloud it is needed when that fails, perhaps never.
    early = local if settings.provider == "local" else None
    return Speech(settings.provider, recogniser, speaker, decoding, slow_to_start=early)


def _openai(settings: SpeechSettings) -> tuple[Recogniser, Speaker]:
    # Loaded where it is used: a second of every other start.
    from openai import OpenAIError  # noqa: PLC0415

    from learntrac.backends.speech import openai  # noqa: PLC0415

    try:
        client = openai.make_client(settings.api_key, settings.base_url)
    except OpenAIError as error:
        raise ValueError("set OPENAI_API_KEY, or choose another provider") from error
    return (
        openai.OpenAIRecogniser(client, model=settings.recognition_model or openai.RECOGNITION_MODEL),
        openai.OpenAISpeaker(client, model=settings.speech_model or openai.SPEECH_MODEL),
    )


def _aws(settings: SpeechSettings) -> tuple[Recogniser, Speaker]:
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    from learntrac.backends.speech import aws  # noqa: PLC0415

    session = boto3.Session()
    try:
        return (
            aws.TranscribeRecogniser(session, endpoint_url=settings.transcribe_url, vocabulary=settings.aws_vocabulary),
            aws.PollySpeaker(session, endpoint_url=settings.polly_url),
        )
    except BotoCoreError as error:
        raise ValueError("set AWS_REGION and AWS's credentials, or choose another provider") from error


def _local_recogniser(settings: SpeechSettings) -> EngineRecogniser:
    if settings.whisper_model is not None:
        pool = Pool("whisper", str(settings.whisper_model), size=settings.processes)
        return EngineRecogniser("faster-whisper", pool, languages=("*",))
    return EngineRecogniser("pocketsphinx", Pool("hear", size=settings.processes), languages=("en-US",))


def _local_speaker(settings: SpeechSettings) -> Speaker:
    if settings.piper_voices is not None:
        return EngineSpeaker("piper", Pool("piper", str(settings.piper_voices), size=settings.processes))
    return EngineSpeaker("espeak-ng", Pool("speak", size=settings.processes))
