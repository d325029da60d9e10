"""Trac's authz file (the policy AuthzPolicy): rules that allow or deny actions on single tickets.

Exactly as Trac 1.6 reads it. A section's name is a pattern over resources (`ticket:12@*` is ticket 12 in any
version), a line in it says who may do what. The first line that speaks of the user, in the first section
that matches and has such a line, decides.
"""

import re
from collections.abc import Mapping, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass

from learntrac.trac.actions import Actions
from learntrac.trac.configfile import LineError, parse_authz_file

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"
GLOBAL_RESOURCE = "*:*@*"
"""What Trac matches the patterns with when an action is asked for without a resource."""


class AuthzError(Exception):
    """The authz file cannot be used; the message says why. Trac then refuses whatever asks it."""


@dataclass(frozen=True)
class Section:
    """One pattern, its version part written out, and the lines under it: who, and the actions in order."""

    pattern: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Authz:
    """An authz file, parsed with `parse_authz`."""

    sections: tuple[Section, ...]
    groups_by_user: Mapping[str, frozenset[str]]

    @property
    def names(self) -> frozenset[str]:
        """Everyone whom a rule could single out; all other users are treated alike."""
        named = {who for section in self.sections for who, _actions in section.lines}
        return frozenset(named | self.groups_by_user.keys())

    def rules_for(self, username: str) -> list[tuple[str, tuple[str, ...]]]:
        """The patterns with a line for this user, in the file's order, and its first such line's actions."""
        subjects = {"*", ANONYMOUS, username} | self.groups_by_user.get(username, frozenset())
        if username != ANONYMOUS:
            subjects.add(AUTHENTICATED)
        lines = ((section.pattern, _first_line(section, subjects)) for section in self.sections)
        return [(pattern, actions) for pattern, actions in lines if actions is not None]


def parse_authz(text: str) -> Authz:
    """An authz file's text. Raises AuthzError where Trac cannot use it, or where Trac's versions differ."""
    try:
        parser = parse_authz_file(text)
    except LineError as error:
        raise AuthzError(f"The authz file cannot be read, {error}") from error
    _refuse_trailing_comments(parser)
    members = dict(_lines(parser, "groups")) if parser.has_section("groups") else {}
    sections = (Section(_pattern(name), _lines(parser, name)) for name in parser.sections() if name != "groups")
    return Authz(tuple(sections), _groups_by_user(members))


def verdict(actions: Sequence[str], action: str, known: Actions) -> bool | None:
    """What a line says on an action: yes, no, or nothing. A line without any action denies everything."""
    if not actions:
        return False
    for name in actions:
        if action in known.expand([name.removeprefix("!")]):
            return not name.startswith("!")
    return None


def _first_line(section: Section, subjects: set[str]) -> tuple[str, ...] | None:
    return next((actions for who, actions in section.lines if who in subjects), None)


def _refuse_trailing_comments(parser: RawConfigParser) -> None:
    for section in parser.sections():
        for option, value in parser.items(section):
            if re.search(r"\s;", value):
                raise AuthzError(
                    f"[{section}] {option} in the authz file has a ` ;`, which begins a comment for Trac on "
                    "Python 2 and not for Trac on Python 3: put the comment on a line of its own."
                )


def _lines(parser: RawConfigParser, section: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((who, _listed(value)) for who, value in parser.items(section))


def _listed(value: str) -> tuple[str, ...]:
    return tuple(item for item in map(str.strip, value.split(",")) if item)


def _pattern(section: str) -> str:
    return section if "@" in section else f"{section}@*"


def _groups_by_user(members: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for group in members:
        for name in _members(group, members, above=()):
            groups.setdefault(name, set()).add(f"@{group}")
    return {name: frozenset(found) for name, found in groups.items()}


def _members(group: str, members: Mapping[str, tuple[str, ...]], *, above: tuple[str, ...]) -> set[str]:
    if group not in members:
        raise AuthzError(f"The authz file names a group @{group}, which its section [groups] does not have.")
    if group in above:
        raise AuthzError(f"The group @{group} of the authz file contains itself.")
    names: set[str] = set()
    for name in members[group]:
        inner = name.startswith("@")
        names |= _members(name[1:], members, above=(*above, group)) if inner else {name}
    return names
