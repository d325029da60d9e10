"""An Exercism track on disk: its `config.json` as plain values, and its other files by name.

The track's layout is described in Exercism's documentation for track builders (`config.json`,
`concepts/<slug>/`, `exercises/concept/<slug>/`, `exercises/practice/<slug>/`).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_CONFIG = "config.json"
_LEFT_OUT = {"deprecated": "is deprecated", "wip": "is still being written"}


@dataclass(frozen=True)
class Exercise:
    """An exercise as `config.json` lists it.

    `teaches`, `practises` and `prerequisites` are slugs of concepts. `difficulty` is the track's own
    figure, 1 to 10, or None. `left_out` says why the track does not show it to learners; it is empty where
    the track does.
    """

    kind: Literal["concept", "practice"]
    slug: str
    name: str
    left_out: str
    teaches: tuple[str, ...]
    practises: tuple[str, ...]
    prerequisites: tuple[str, ...]
    difficulty: float | None

    @property
    def folder(self) -> str:
        """Its folder inside the track."""
        return f"exercises/{self.kind}/{self.slug}"


@dataclass(frozen=True)
class Track:
    """A track. `concepts`: names by slug; `is_public`: learners can open it on Exercism."""

    root: Path
    slug: str
    language: str
    is_public: bool
    concepts: dict[str, str]
    exercises: tuple[Exercise, ...]

    def find_text(self, name: str) -> str | None:
        """The text of a file of the track, or None where there is none; ValueError where it is not UTF-8."""
        return _read(self.root, name)

    def find_json(self, name: str) -> Any:
        """What a JSON file of the track holds, None where there is none; ValueError where it is not JSON."""
        text = self.find_text(name)
        return None if text is None else _parse(text, self.root / name)


def load_track(root: Path) -> Track:
    """The track in folder `root`; ValueError, in one sentence, for no track or a broken `config.json`."""
    text = _read(root, _CONFIG)
    if text is None:
        raise ValueError(f"{root} is not an Exercism track: it has no {_CONFIG}.")
    path = root / _CONFIG
    config = _Table(_parse(text, path), str(path))
    exercises = config.table("exercises")
    return Track(
        root=root,
        slug=config.slug(),
        language=config.text("language"),
        is_public=config.values.get("active") is True,
        concepts={concept.slug(): concept.name() for concept in config.tables("concepts")},
        exercises=(
            *(_exercise(table, "concept") for table in exercises.tables("concept")),
            *(_exercise(table, "practice") for table in exercises.tables("practice")),
        ),
    )


class _Table:
    """A JSON object with the place it came from, for the sentence that says what is wrong."""

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, dict):
            raise _broken(place, "an object is expected here")
        self.values = values
        self.place = place

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise _broken(self.place, f"{key!r} is missing or not text")
        return value.strip()

    def slug(self) -> str:
        slug = self.text("slug")
        # Slugs become parts of file names.
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", slug):
            raise _broken(self.place, f"{slug!r} is no slug")
        return slug

    def name(self) -> str:
        return self.text("name") if "name" in self.values else title_of(self.slug())

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.values.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise _broken(self.place, f"{key!r} is not a list of texts")
        return tuple(dict.fromkeys(values))

    def table(self, key: str) -> "_Table":
        if key not in self.values:
            raise _broken(self.place, f"{key!r} is missing")
        return _Table(self.values[key], f"{self.place}, {key!r}")

    def tables(self, key: str) -> list["_Table"]:
        values = self.values.get(key) or []
        if not isinstance(values, list):
            raise _broken(self.place, f"{key!r} is not a list")
        return [_Table(value, f"{self.place}, {key!r} number {place}") for place, value in enumerate(values, 1)]


def _broken(place: str, what: str) -> ValueError:
    return ValueError(f"{place}: {what}.")


def title_of(slug: str) -> str:
    """A slug as a title, for what the track gives no name."""
    return slug.replace("-", " ").replace("_", " ").capitalize()


def _exercise(table: _Table, kind: Literal["concept", "practice"]) -> Exercise:
    difficulty = table.values.get("difficulty")
    is_number = isinstance(difficulty, int | float) and not isinstance(difficulty, bool)
    return Exercise(
        kind=kind,
        slug=table.slug(),
        name=table.name(),
        left_out=_LEFT_OUT.get(str(table.values.get("status")), ""),
        teaches=table.texts("concepts"),
        practises=table.texts("practices"),
        prerequisites=table.texts("prerequisites"),
        difficulty=difficulty if is_number else None,
    )


def _read(root: Path, name: str) -> str | None:
    path = root / name
    # A link that leads out of the checkout would publish a file of this machine.
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text.") from error


def _parse(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}.") from error
