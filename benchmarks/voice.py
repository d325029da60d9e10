"""What voice costs: the server's own share of a turn, how soon sound stops, what sockets cost those who do not speak.

    python -m benchmarks.voice [TURNS]

One server process on SQLite with the demo's course and this machine's engines; speech is made by the same engine
that speaks. A turn's time is from the last chunk of speech to the first sound. The engines' own bare time is that of
the same utterance and the same first sentence, in this process, with nothing around them.
"""

import asyncio
import base64
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import websockets
from websockets.asyncio.client import ClientConnection

from benchmarks.rounds import print_table
from benchmarks.servers import VERY_MANY, Server, served
from learntrac.backends.speech import BYTES_A_SECOND, Context, Speech
from learntrac.backends.speech.opening import SpeechSettings, open_speech
from learntrac.backends.speech.vad import FRAME_BYTES, loudness_db
from learntrac.kit.http.doors import API
from tests.voice.clients import silence, spoken

PASSWORD = "benchmark-password"
QUESTION = "What is a status code?"
IDLE, SPEAKING, WATCHED_SECONDS = 200, 20, 15.0
CHUNK_SECONDS = 0.25
CHUNKS_SECONDS = (0.05, 0.1)
"""Those of a client that wants to be interrupted soon."""
AUDIBLE_DB = -45.0


def p(values: list[float], share: float) -> float:
    """The value below which this share lies, in milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Client:
    """A voice connection that notes when what came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._chunks = 0

    async def send(self, action: str, **data: Any) -> None:
        await self.socket.send(json.dumps({"action": action, "data": data}))

    async def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = json.loads(await self.socket.recv())
            if message["type"] in kinds:
                return message

    async def chunk(self, pcm: bytes, *, is_final: bool = False) -> None:
        self._chunks += 1
        audio = base64.b64encode(pcm).decode()
        await self.send("audio_stream", audio=audio, chunk_id=self._chunks, is_final=is_final)

    async def speak(self, pcm: bytes, *, is_final: bool = True) -> None:
        """In the time that it takes to say it."""
        size = int(BYTES_A_SECOND * CHUNK_SECONDS)
        pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
        for number, piece in enumerate(pieces, 1):
            await asyncio.sleep(CHUNK_SECONDS)
            await self.chunk(piece, is_final=is_final and number == len(pieces))


async def sign_in(server: Server, name: str) -> str:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}{API}") as client:
        body = {"username": name, "password": PASSWORD, "grant_type": "password"}
        return str((await client.post("/auth/login", json=body, timeout=60)).json()["access_token"])


def address(server: Server, token: str) -> str:
    return f"ws://127.0.0.1:{server.port}/ws/voice?token={token}"


async def turns(server: Server, token: str, pcm: bytes, count: int) -> tuple[list[float], list[float], list[str]]:
    """End of speech to first sound, interrupt to the end of sound, and the first sentence of each answer."""
    first, stopped, sentences = [], [], []
    for _ in range(count + 1):
        async with websockets.connect(address(server, token), max_size=2**24) as socket:
            client = Client(socket)
            await client.send("connect", concept_id=1, audio_format="pcm16")
            await client.until("connection_established")
            await client.speak(pcm)
            ended = time.perf_counter()
            sentences.append((await client.until("caption"))["data"]["text"])
            await client.until("audio_delta")
            first.append(time.perf_counter() - ended)
            asked = time.perf_counter()
            await client.send("interrupt")
            await client.until("interrupted")
            stopped.append(time.perf_counter() - asked)
    return first[1:], stopped[1:], sentences[1:]


async def bare(speech: Speech, pcm: bytes, sentences: list[str], phrases: tuple[str, ...]) -> list[float]:
    """The same without a server: the sound is fed as it is spoken, and then the first sentence is begun."""
    taken = []
    for sentence in [sentences[0], *sentences]:
        size = int(BYTES_A_SECOND * CHUNK_SECONDS)
        async with speech.recogniser.hear(Context(phrases=phrases)) as hearing:
            for at in range(0, len(pcm), size):
                await asyncio.sleep(CHUNK_SECONDS)
                await hearing.feed(pcm[at : at + size])
            begun = time.perf_counter()
            await hearing.finish()
        speaking = await speech.speaker.speak(sentence, voice=None, language="en-US")
        taken.append(time.perf_counter() - begun)
        await speaking.close()
    return taken[1:]


async def barge_in(server: Server, token: str, pcm: bytes, count: int, chunk_seconds: float) -> list[float]:
    """From the moment somebody begins to speak over the answer's sound to the message that stops it.

    A microphone sends all the time, in chunks of this length, and nobody begins to speak at the border of one.
    """
    taken, dice = [], random.Random(7)
    for _ in range(count):
        async with websockets.connect(address(server, token), max_size=2**24) as socket:
            client = Client(socket)
            await client.send("connect", concept_id=1, audio_format="pcm16")
            await client.speak(pcm)
            await client.until("audio_delta")
            before = 0.3 + dice.uniform(0, chunk_seconds)
            begun = time.perf_counter()
            speaking = asyncio.create_task(stream(client, silence(before) + without_lead(pcm), chunk_seconds))
            await client.until("interrupted")
            taken.append(time.perf_counter() - begun - before)
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
    return taken


async def stream(client: Client, pcm: bytes, chunk_seconds: float) -> None:
    """Send each chunk when it has been spoken."""
    size, begun = 2 * int(BYTES_A_SECOND * chunk_seconds / 2), time.perf_counter()
    for number, at in enumerate(range(0, len(pcm), size), 1):
        await asyncio.sleep(max(0, begun + number * chunk_seconds - time.perf_counter()))
        await client.chunk(pcm[at : at + size])


def without_lead(pcm: bytes) -> bytes:
    """From the first moment on that can be heard."""
    at = next(at for at in range(0, len(pcm), FRAME_BYTES) if loudness_db(pcm[at : at + FRAME_BYTES]) > AUDIBLE_DB)
    return pcm[at:]


async def rest(server: Server, token: str, seconds: float) -> list[float]:
    """What answers of the REST API take, twenty a second."""
    taken = []
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}{API}", headers=headers) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.perf_counter()
            (await client.get("/concepts", timeout=60)).raise_for_status()
            taken.append(time.perf_counter() - begun)
            await asyncio.sleep(0.05)
    return taken


async def crowd(server: Server, tokens: list[str], pcm: bytes) -> tuple[float, list[float], list[float]]:
    """Bytes a socket that is idle takes of the server, and REST without and with all of them."""
    process = psutil.Process(server.process.pid)
    alone = await rest(server, tokens[0], WATCHED_SECONDS)
    before = process.memory_info().rss
    sockets = [await websockets.connect(address(server, tokens[number % 3])) for number in range(IDLE)]
    for socket in sockets:
        await Client(socket).send("connect")
        await Client(socket).until("connection_established")
    await asyncio.sleep(2)
    each = (process.memory_info().rss - before) / IDLE

    async def talk() -> None:
        async with websockets.connect(address(server, tokens[3]), max_size=2**24) as socket:
            client = Client(socket)
            await client.send("connect", concept_id=1, audio_format="pcm16")
            while True:
                await client.speak(pcm + silence(1.0), is_final=False)
                await client.until("turn_end")

    speaking = [asyncio.create_task(talk()) for _ in range(SPEAKING)]
    await asyncio.sleep(3)
    together = await rest(server, tokens[0], WATCHED_SECONDS)
    for task in speaking:
        task.cancel()
    await asyncio.gather(*speaking, return_exceptions=True)
    for socket in sockets:
        await socket.close()
    return each, alone, together


async def measure(server: Server, count: int) -> None:
    speech = open_speech(SpeechSettings())
    pcm = await spoken(speech, QUESTION)
    tokens = [await sign_in(server, name) for name in ("alice", "bob", "ivan", "admin")]
    token = tokens[0]
    first, stopped, sentences = await turns(server, token, pcm, count)
    own = await bare(
        speech,
        pcm,
        sentences,
        ("HTTP status codes", "Name the classes of status codes"),
    )
    overhead = [one - other for one, other in zip(sorted(first), sorted(own), strict=True)]
    barged = {seconds: await barge_in(server, token, pcm, count, seconds) for seconds in CHUNKS_SECONDS}
    await speech.close()
    each, alone, together = await crowd(server, tokens, pcm)
    rows = [
        (
            "end of speech to first sound",
            f"{p(first, 0.5):.0f}",
            f"{p(first, 0.95):.0f}",
        ),
        (
            "  of it the engines' own bare time",
            f"{p(own, 0.5):.0f}",
            f"{p(own, 0.95):.0f}",
        ),
        (
            "  ours (aim: 150)",
            f"{1000 * statistics.median(overhead):.0f}",
            f"{p(overhead, 0.95):.0f}",
        ),
        (
            "`interrupt` to silence (aim: 200)",
            f"{p(stopped, 0.5):.0f}",
            f"{p(stopped, 0.95):.0f}",
        ),
        *(
            (
                f"first sound of speech to silence, chunks of {1000 * seconds:.0f} ms (aim: 200)",
                f"{p(taken, 0.5):.0f}",
                f"{p(taken, 0.95):.0f}",
            )
            for seconds, taken in barged.items()
        ),
        ("GET /concepts alone", f"{p(alone, 0.5):.0f}", f"p99 {p(alone, 0.99):.0f}"),
        (
            f"  with {IDLE} idle and {SPEAKING} speaking (aim: p99 500)",
            f"{p(together, 0.5):.0f}",
            f"p99 {p(together, 0.99):.0f}",
        ),
        ("KiB of an idle socket (aim: 50)", f"{each / 1024:.0f}", ""),
    ]
    print_table(f"Voice, {count} turns", ("milliseconds", "median", "p95"), rows)


def main(count: int = 10) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "LEARNTRAC_DEMO_PASSWORD": PASSWORD,
            "LEARNTRAC_RATE_LIMIT_PER_HOUR": VERY_MANY,
            "LEARNTRAC_CHAT_MESSAGES_PER_HOUR": VERY_MANY,
            "LEARNTRAC_VOICE_CONNECTIONS": "100",
            "LEARNTRAC_VOICE_MINUTES_PER_DAY": "1440",
            "LEARNTRAC_LOG_LEVEL": "WARNING",
        }
        arguments = [
            "-c",
            "from learntrac.cli import main; main()",
            "demo",
            str(Path(folder) / "demo"),
        ]
        with served(arguments, environ) as server:
            asyncio.run(measure(server, count))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
