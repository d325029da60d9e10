"""Trac's actions (its rights) and which of them stand for others."""

from collections.abc import Iterable, Mapping

TICKET_VIEW = "TICKET_VIEW"
TRAC_ADMIN = "TRAC_ADMIN"
WIKI_VIEW = "WIKI_VIEW"
INSTRUCTOR = "LEARNTRAC_INSTRUCTOR"
"""LearnTrac's own action, which its Trac plugin defines."""

_MILESTONE = ("MILESTONE_CREATE", "MILESTONE_DELETE", "MILESTONE_MODIFY", "MILESTONE_VIEW")

# What Trac 1.4 and 1.6 define. Trac 1.2 differs in one thing: there TICKET_BATCH_MODIFY gives nothing else.
_META: Mapping[str, tuple[str, ...]] = {
    "TICKET_ADMIN": (
        "TICKET_BATCH_MODIFY",
        "TICKET_CREATE",
        "TICKET_EDIT_CC",
        "TICKET_EDIT_COMMENT",
        "TICKET_EDIT_DESCRIPTION",
        "TICKET_MODIFY",
        TICKET_VIEW,
    ),
    "TICKET_BATCH_MODIFY": ("TICKET_MODIFY",),
    "TICKET_MODIFY": ("TICKET_APPEND", "TICKET_CHGPROP"),
    "MILESTONE_ADMIN": _MILESTONE,
    "PERMISSION_ADMIN": ("PERMISSION_GRANT", "PERMISSION_REVOKE"),
    "REPORT_ADMIN": ("REPORT_CREATE", "REPORT_DELETE", "REPORT_MODIFY", "REPORT_SQL_VIEW", "REPORT_VIEW"),
    "ROADMAP_ADMIN": (*_MILESTONE, "ROADMAP_VIEW"),
    "VERSIONCONTROL_ADMIN": ("BROWSER_VIEW", "CHANGESET_VIEW", "FILE_VIEW", "LOG_VIEW"),
    "WIKI_ADMIN": ("WIKI_CREATE", "WIKI_DELETE", "WIKI_MODIFY", "WIKI_RENAME", "WIKI_VIEW"),
}
_PLAIN = ("CONFIG_VIEW", "EMAIL_VIEW", "SEARCH_VIEW", "TIMELINE_VIEW", INSTRUCTOR)


class Actions:
    """Every action LearnTrac knows, each with all it gives; one that a plugin adds gives itself alone."""

    def __init__(self, extra_permissions: Mapping[str, str]) -> None:
        """`extra_permissions`: that section of trac.ini, empty unless Trac's provider of it is enabled."""
        given = {name: set(others) for name, others in _META.items()}
        given.update((name, set()) for name in _PLAIN)
        _add_extra(given, extra_permissions)
        given.setdefault(TRAC_ADMIN, set()).update(given)
        self._closures = {name: _closure(name, given) for name in given}

    def expand(self, names: Iterable[str]) -> frozenset[str]:
        """These actions and all that they give."""
        return frozenset().union(*(self._closures.get(name, (name,)) for name in names))


def _add_extra(given: dict[str, set[str]], extra_permissions: Mapping[str, str]) -> None:
    for meta, text in extra_permissions.items():
        names = {name.strip().upper() for name in text.split(",")} - {""}
        for name in names:
            given.setdefault(name, set())
        # A name with an underscore in front only introduces the actions of its list.
        if not meta.startswith("_"):
            given.setdefault(meta.strip().upper(), set()).update(names)


def _closure(name: str, given: Mapping[str, set[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        action = waiting.pop()
        if action not in found:
            found.add(action)
            waiting.extend(given.get(action, ()))
    return frozenset(found)
