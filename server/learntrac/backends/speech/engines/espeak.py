"""The process that speaks with espeak-ng."""

from learntrac.backends.speech.engines.encoding import encoder
from learntrac.backends.speech.engines.espeak_library import Espeak
from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame


def load() -> Task:
    """The library with its data."""
    espeak = Espeak()
    voices = espeak.voices()

    def task(first: Frame, asked: Asked) -> None:
        if first.head["do"] == "voices":
            asked.tell(
                {"voices": [one for language, voice in voices.items() for one in described(language, voice.name)]}
            )
            return
        language, plus, variant = first.head["voice"].partition("+")
        espeak.set_voice(voices[language].identifier + plus + variant)
        speak(espeak, first, asked)

    return task


def described(language: str, name: str) -> list[dict[str, str]]:
    """The man's voice that every language has, and the woman's that espeak-ng makes of it."""
    tag = "-".join(part.upper() if len(part) == 2 and at else part for at, part in enumerate(language.split("-")))
    return [
        {"id": language, "name": name, "language": tag, "gender": "male"},
        {"id": f"{language}+f2", "name": f"{name}, woman", "language": tag, "gender": "female"},
    ]


def speak(espeak: Espeak, first: Frame, asked: Asked) -> None:
    """Say the text; tell the sound as it comes, then `done`."""
    asked.tell({"sample_rate": espeak.sample_rate})
    encode = encoder(first.head["format"], espeak.sample_rate)

    def on_sound(samples: bytes) -> None:
        if data := encode(samples):
            asked.tell({"sound": len(data)}, data)

    if first.head["text"].strip():
        espeak.say(first.head["text"], on_sound)
    asked.tell({"done": True}, encode(None))
