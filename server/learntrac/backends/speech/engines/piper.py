"""The process that speaks with piper, where an operator has installed it and brought voices."""

import json
from pathlib import Path
from typing import Any

from learntrac.backends.speech.engines.encoding import encoder
from learntrac.backends.speech.engines.serving import Asked, Task
from learntrac.backends.speech.frames import Frame


def load(folder: str) -> Task:
    """The voices of a folder: each an `.onnx` file with its `.onnx.json` beside it. Raises ImportError where piper is
    not installed, and ValueError for a folder without voices.
    """
    from piper import PiperVoice  # noqa: PLC0415 - an extra

    files = {file.stem: file for file in sorted(Path(folder).glob("*.onnx"))}
    if not files:
        raise ValueError(f"there is no voice (*.onnx) in {folder}")
    loaded: dict[str, Any] = {}

    def task(first: Frame, asked: Asked) -> None:
        if first.head["do"] == "voices":
            asked.tell({"voices": [described(name, file) for name, file in files.items()]})
            return
        name = first.head["voice"]
        if name not in loaded:
            loaded[name] = PiperVoice.load(files[name])
        speak(loaded[name], first, asked)

    return task


def described(name: str, file: Path) -> dict[str, str]:
    """A voice by its name, such as `en_US-lessac-medium`, and its own description."""
    about = json.loads(file.with_name(file.name + ".json").read_text("utf-8"))
    language = about.get("language", {}).get("code") or name.partition("-")[0]
    return {"id": name, "name": name, "language": language.replace("_", "-"), "gender": "neutral"}


def speak(voice: Any, first: Frame, asked: Asked) -> None:
    """Say the text sentence by sentence; tell the sound as it comes, then `done`."""
    sample_rate = int(voice.config.sample_rate)
    asked.tell({"sample_rate": sample_rate})
    encode = encoder(first.head["format"], sample_rate)
    for chunk in voice.synthesize(first.head["text"]):
        if data := encode(chunk.audio_int16_bytes):
            asked.tell({"sound": len(data)}, data)
    asked.tell({"done": True}, encode(None))
