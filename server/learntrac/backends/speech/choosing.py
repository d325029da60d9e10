"""Which voice speaks when somebody asks for one that may not be there. Pure."""

from collections.abc import Sequence

from learntrac.backends.speech import Voice

FALLBACK_LANGUAGE = "en-US"
ANY_LANGUAGE = "*"
"""Of a voice that speaks them all."""


def choose_voice(voices: Sequence[Voice], *, voice: str | None, language: str) -> tuple[Voice, str | None]:
    """The voice of this id; else the first of the language, of its nearest, of American English, of all. The second
    value says, for people, why it is not what was asked for. `voices` must not be empty.
    """
    found = next((one for one in voices if voice is not None and one.id.lower() == voice.lower()), None)
    if found is not None:
        return found, None
    instead = _first_of(voices, language)
    speaks = instead or _first_of(voices, FALLBACK_LANGUAGE) or voices[0]
    reasons = []
    if voice is not None:
        reasons.append(f"there is no voice {voice[:40]!r} here")
    if instead is None:
        reasons.append(f"no voice speaks {language[:40]!r}")
    why = " and ".join(reasons)
    return speaks, f"{why[0].upper()}{why[1:]}: {speaks.name} speaks." if why else None


def _first_of(voices: Sequence[Voice], language: str) -> Voice | None:
    """A voice of the very language, or of one with the same first subtag."""
    wanted = language.lower().replace("_", "-")
    first = wanted.partition("-")[0]
    near = [one for one in voices if one.language.lower().partition("-")[0] in {first, ANY_LANGUAGE}]
    return next((one for one in near if one.language.lower() == wanted), near[0] if near else None)
