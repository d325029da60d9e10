"""The engines of this machine, started once for all tests of a process."""

from collections.abc import AsyncIterator

import pytest

from learntrac.backends.speech import Speech
from learntrac.backends.speech.decoding import ProcessDecoding
from learntrac.backends.speech.opening import SpeechSettings, open_speech


@pytest.fixture
async def decoding() -> AsyncIterator[ProcessDecoding]:
    """Decoders, with a few processes."""
    made = ProcessDecoding(processes=2)
    yield made
    await made.close()


@pytest.fixture
async def local() -> AsyncIterator[Speech]:
    """The engines that everybody has."""
    made = open_speech(SpeechSettings(provider="local"))
    yield made
    await made.close()
