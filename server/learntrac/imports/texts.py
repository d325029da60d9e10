"""The texts of an Exercism track as wiki text: what a concept's description and page say."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from learntrac.imports.markdown import absolute_target, find_section, to_wiki, without_title
from learntrac.imports.track import Exercise, Track, title_of
from learntrac.imports.wiki_text import escape, link

_SITE = "https://exercism.org"
_OBJECTIVES = ("Learning objectives", "Things to teach")


@dataclass(frozen=True)
class Texts:
    """Writes the texts of `track`. `taught`: slugs of the concepts brought; `notes`: what is missing."""

    track: Track
    taught: frozenset[str]
    notes: list[str] = field(default_factory=list)

    def page_name(self, slug: str) -> str:
        """The wiki page about a concept: `Python/ListMethods`."""
        return f"{_camel(self.track.slug)}/{_camel(slug)}"

    def find_page(self, slug: str) -> str | None:
        """The text of the wiki page about a concept, with a title; None where the track has none."""
        text = self.track.find_text(f"concepts/{slug}/about.md")
        if text is None:
            return None
        return _join([f"= {escape(self.track.concepts[slug])} =", self._wiki(without_title(text))])

    def concept(self, slug: str, exercise: Exercise | None) -> str:
        """The description of a concept, with the exercise that is folded into it."""
        links = [
            *self._page_link(slug),
            *self._links(slug),
            *(self._exercise_links(exercise) if exercise else []),
        ]
        parts = [self._introduction(slug, exercise)]
        if exercise:
            parts += [self._objectives(exercise), self._folded(exercise)]
        return _join([*parts, _list("Resources", links)])

    def exercise(self, exercise: Exercise) -> str:
        """The description of an exercise that is a concept of its own."""
        introduction = self.track.find_text(f"{exercise.folder}/.docs/introduction.md")
        heading = "" if introduction is None else "== Instructions =="
        parts = [self._wiki(without_title(introduction or "")), heading, self._instructions(exercise)]
        if exercise.kind == "concept":
            parts.append(self._objectives(exercise))
        return _join([*parts, _list("Resources", self._exercise_links(exercise))])

    def blurb(self, slug: str) -> str:
        """One paragraph on a concept, or nothing where the track has none."""
        text = _text(self._meta(f"concepts/{slug}"), "blurb")
        return "" if text.startswith("TODO") else self._wiki(text)

    def _introduction(self, slug: str, exercise: Exercise | None) -> str:
        places = [f"concepts/{slug}/introduction.md"]
        places += [f"{exercise.folder}/.docs/introduction.md"] if exercise else []
        texts = (self.track.find_text(place) for place in places)
        text = next((text for text in texts if text is not None), None)
        if text is None:
            self._missing(" and ".join(places))
        return self._wiki(without_title(text or ""))

    def _objectives(self, exercise: Exercise) -> str:
        place = f"{exercise.folder}/.meta/design.md"
        text = self.track.find_text(place)
        if text is None:
            self._missing(place)
        section = find_section(text or "", _OBJECTIVES)
        if text is not None and section is None:
            self.notes.append(f"{place} has no learning objectives.")
        return _join(["== Learning objectives ==", self._wiki(section)]) if section else ""

    def _folded(self, exercise: Exercise) -> str:
        instructions = self._instructions(exercise, heading_shift=1)
        return _join([f"== Exercise: {escape(exercise.name)} ==", instructions]) if instructions else ""

    def _instructions(self, exercise: Exercise, *, heading_shift: int = 0) -> str:
        place = f"{exercise.folder}/.docs/instructions.md"
        text = self.track.find_text(place)
        if text is None:
            self._missing(place)
        more = self.track.find_text(f"{exercise.folder}/.docs/instructions.append.md")
        return _join(self._wiki(without_title(each or ""), heading_shift) for each in (text, more))

    def _page_link(self, slug: str) -> list[str]:
        place = f"concepts/{slug}/about.md"
        if self.track.find_text(place) is None:
            self._missing(place)
            return []
        return [link(f"wiki:{self.page_name(slug)}", self.track.concepts[slug])]

    def _links(self, slug: str) -> list[str]:
        place = f"concepts/{slug}/links.json"
        entries = self.track.find_json(place)
        if entries is None:
            self._missing(place)
        entries = entries if isinstance(entries, list) else []
        return [self._link(entry, place) for entry in entries]

    def _link(self, entry: Any, place: str) -> str:
        target = absolute_target(_text(entry, "url"))
        if target is None:
            self.notes.append(f"{place} has a link without a web address: left out.")
            return ""
        return link(target, _text(entry, "description"))

    def _exercise_links(self, exercise: Exercise) -> list[str]:
        address = f"{_SITE}/tracks/{self.track.slug}/exercises/{exercise.slug}"
        links = [link(address, f"{exercise.name} on Exercism")] if self.track.is_public else []
        meta = self._meta(exercise.folder)
        source = absolute_target(_text(meta, "source_url"))
        return [*links, link(source, _text(meta, "source"))] if source else links

    def _meta(self, folder: str) -> Any:
        return self.track.find_json(f"{folder}/.meta/config.json")

    def _wiki(self, text: str, heading_shift: int = 0) -> str:
        written = re.sub(r"\[(concept|exercise):([\w-]+)/([\w-]+)\]\(\)", self._name_reference, text)
        return to_wiki(written, heading_shift=heading_shift, link_target=self._target)

    def _name_reference(self, match: re.Match[str]) -> str:
        """Exercism's own `[concept:python/lists]()` as a link that says what it leads to."""
        kind, track, slug = match.groups()
        names = self.track.concepts if kind == "concept" else {x.slug: x.name for x in self.track.exercises}
        return f"[{names.get(slug, title_of(slug))}](/tracks/{track}/{kind}s/{slug})"

    def _target(self, href: str) -> str | None:
        concept = re.fullmatch(rf"(?:{_SITE})?/tracks/{self.track.slug}/concepts/([\w-]+)/?(?:#.*)?", href)
        if concept and concept[1] in self.taught:
            return f"wiki:{self.page_name(concept[1])}"
        return f"{_SITE}{href}" if re.match("/[^/]", href) else absolute_target(href)

    def _missing(self, place: str) -> None:
        self.notes.append(f"The track has no {place}.")


def _text(table: Any, key: str) -> str:
    value = table.get(key) if isinstance(table, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _list(title: str, items: Iterable[str]) -> str:
    lines = [f" * {item}" for item in dict.fromkeys(items) if item]
    return "\n".join([f"== {title} ==", "", *lines]) if lines else ""


def _join(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _camel(slug: str) -> str:
    return "".join(word.capitalize() for word in re.split("[-_]", slug))
