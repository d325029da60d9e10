"""How well this machine's own engines hear, and how soon they answer: word error rates on sentences of the demo
course, spoken, and the engines' bare times from the end of speech to the first sound.

espeak-ng speaks, pocketsphinx hears: both are synthetic, so the rates compare settings and say little of people. Three
sets: learning objectives with their concept as the context, as the tutor gives it (the sentence is in it); the same
with the sentence taken out; and questions of our own, which are nowhere in the course.
"""

import argparse
import asyncio
import os
import re
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from learntrac.backends.speech import BYTES_A_SECOND, Context, Speech
from learntrac.backends.speech.opening import SpeechSettings, open_speech
from learntrac.backends.speech.resampling import Resampler
from learntrac.backends.speech.vad import FRAME_BYTES, SpeechDetector
from learntrac.backends.speech.vocabulary import sentences_of

VOICES = ("en-us", "en-us+f2", "en-gb")
PIECE_BYTES = 3200
QUESTIONS = {
    "oauth2": (
        "What is the difference between the client and the resource server?",
        "Why does the client send only a hash of the secret?",
        "Which grant should I use for a nightly job?",
        "I don't understand what the state parameter is for.",
    ),
    "json-representations": (
        "How do I represent a date in JSON?",
        "Can you give me a hint about missing fields?",
    ),
    "lost-updates": (
        "How can two people overwrite each other's changes?",
        "What does the server answer when the entity tag does not match?",
    ),
    "n-plus-one": (
        "Show me an example of a query that is slow.",
        "How many queries does a page need?",
    ),
    "pagination": (
        "Why is an offset slow on a large table?",
        "What happens when a row is deleted between two pages?",
    ),
    "rate-limiting": (
        "When may the client try again?",
        "Is a token bucket better than a fixed window?",
    ),
    "status-codes": (
        "When do I answer with four twenty two?",
        "What is the difference between 401 and 403?",
    ),
    "timeouts-retries": (
        "Should every call be tried again?",
        "Why do we need a timeout?",
    ),
    "transactions": (
        "What does isolation mean?",
        "Can you explain that with an example of two transfers?",
    ),
}


@dataclass(frozen=True)
class Spoken:
    """A sentence, what it is about, and its sound."""

    text: str
    phrases: tuple[str, ...]
    pcm: bytes


def course() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The text and the objectives of each concept of the demo, by the name of its page."""
    found = {}
    for page in (files("learntrac.demo") / "course" / "concepts").iterdir():
        text, _, rest = re.sub(r"\{\{\{.*?\}\}\}", " ", page.read_text("utf-8"), flags=re.S).partition(
            "== Learning objectives =="
        )
        objectives = rest.partition("\n== ")[0].splitlines()
        plain = re.sub(r"''+|\[\w+:\S+|\]", "", text)
        found[page.name.removesuffix(".wiki")] = (
            plain,
            tuple(line[3:].strip() for line in objectives if line[:3] == " * "),
        )
    return found


async def say(speech: Speech, text: str, voice: str) -> bytes:
    """The text as 16 kHz PCM, with a moment of silence around it."""
    speaking = await speech.speaker.speak(text, voice=voice, language="en-US", format="pcm")
    data = b"".join([chunk async for chunk in speaking])
    resampler = Resampler(speaking.sample_rate, 1)
    pause = bytes(BYTES_A_SECOND // 5)
    return pause + resampler.feed(data) + resampler.finish() + pause


async def spoken_sets(speech: Speech, voice: str, count: int) -> dict[str, list[Spoken]]:
    """The three sets in one voice."""
    concepts = course()
    every = [(objective, name) for name in sorted(concepts) for objective in concepts[name][1]]
    chosen = every[:: max(1, len(every) // count)][:count]
    sets: dict[str, list[Spoken]] = {"objectives": [], "held out": [], "questions": []}
    for text, name in chosen:
        body, objectives = concepts[name]
        pcm = await say(speech, text, voice)
        sets["objectives"].append(Spoken(text, (*objectives, body), pcm))
        sets["held out"].append(Spoken(text, (*(one for one in objectives if one != text), body), pcm))
    for name, questions in QUESTIONS.items():
        body, objectives = concepts[name]
        sets["questions"] += [Spoken(text, (*objectives, body), await say(speech, text, voice)) for text in questions]
    return sets


def errors_of(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words to replace, leave out or put in (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for at, word in enumerate(wanted, 1):
        before, row[0] = row[0], at
        for to, other in enumerate(heard, 1):
            before, row[to] = (
                row[to],
                min(row[to] + 1, row[to - 1] + 1, before + (word != other)),
            )
    return row[-1]


async def word_error_rate(speech: Speech, sentences: Sequence[Spoken], *, with_context: bool) -> tuple[float, int]:
    """Errors a word, and how many words."""
    errors = words = 0
    for one in sentences:
        heard = await speech.recogniser.recognise(one.pcm, Context(phrases=one.phrases if with_context else ()))
        wanted = [word for sentence in sentences_of([one.text]) for word in sentence]
        errors += errors_of(wanted, heard.text.split())
        words += len(wanted)
    return errors / words, words


async def answer_times(speech: Speech, sentences: Sequence[Spoken]) -> list[tuple[float, float]]:
    """Seconds from the end of speech, which came in real time, to the text; and from a text to its first sound."""
    times = []
    for one in sentences:
        context = Context(phrases=one.phrases)
        async with speech.recogniser.hear(context) as hearing:
            for at in range(0, len(one.pcm), PIECE_BYTES):
                await hearing.feed(one.pcm[at : at + PIECE_BYTES])
                await asyncio.sleep(PIECE_BYTES / BYTES_A_SECOND)
            ended = time.perf_counter()
            await hearing.finish()
            heard = time.perf_counter()
        speaking = await speech.speaker.speak(one.text, voice=None, language="en-US")
        sounding = time.perf_counter()
        await speaking.close()
        times.append((heard - ended, sounding - heard))
    return times


def shown(seconds: Sequence[float]) -> str:
    ranked = sorted(seconds)
    return f"p50 {statistics.median(ranked) * 1000:.0f} ms, p95 {ranked[int(len(ranked) * 0.95)] * 1000:.0f} ms"


async def decoding_times(speech: Speech, pcm: bytes) -> None:
    """What decoding costs: the first stream with its process, and the next."""
    speaking = await speech.speaker.speak("And so on. " * 40, voice=None, language="en-US")
    mp3 = b"".join([chunk async for chunk in speaking])
    for name in ("the first, with its process", "the next"):
        begun = time.perf_counter()
        decoded = await speech.decoding.decode(mp3, longest_seconds=600)
        took = time.perf_counter() - begun
        print(f"decoding {len(decoded) / BYTES_A_SECOND:.0f} s of MP3, {name}: {took * 1000:.0f} ms")
    detector, begun = SpeechDetector(), time.process_time()
    for at in range(0, len(pcm), FRAME_BYTES):
        detector.is_speech(pcm[at : at + FRAME_BYTES])
    took = time.process_time() - begun
    print(f"telling speech from silence: {took / (len(pcm) / BYTES_A_SECOND) * 1000:.1f} ms of CPU a second of sound")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objectives", type=int, default=40, help="how many are spoken")
    parser.add_argument("--voices", nargs="+", default=VOICES)
    arguments = parser.parse_args()
    speech = open_speech(SpeechSettings())
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    heard_seconds = 0.0
    for voice in arguments.voices:
        sets = await spoken_sets(speech, voice, arguments.objectives)
        for name, sentences in sets.items():
            rate, words = await word_error_rate(speech, sentences, with_context=True)
            heard_seconds += sum(len(one.pcm) for one in sentences) / BYTES_A_SECOND
            print(
                f"{voice}: word error rate of {name}: {rate:.1%} of {words} words",
                flush=True,
            )
        rate, words = await word_error_rate(speech, sets["questions"], with_context=False)
        heard_seconds += sum(len(one.pcm) for one in sets["questions"]) / BYTES_A_SECOND
        print(
            f"{voice}: word error rate of questions, without a context: {rate:.1%} of {words} words",
            flush=True,
        )
    times = await answer_times(speech, sets["questions"])
    print(f"end of speech to text: {shown([heard for heard, _ in times])}")
    print(f"text to first sound: {shown([sounding for _, sounding in times])}")
    print(f"end of speech to first sound: {shown([sum(both) for both in times])}")
    await decoding_times(speech, sets["questions"][0].pcm)
    await speech.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU of the engines for {heard_seconds:.0f} s of sound: {used.ru_utime + used.ru_stime:.0f} s, all told")


if __name__ == "__main__":
    asyncio.run(main())
