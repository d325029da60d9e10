"""Who may see and do what, as Trac resolves it from its permission table, its settings and its authz file.

Where Trac asks a policy that LearnTrac does not know, LearnTrac does not guess: nobody sees any ticket, and
`problems` says why.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from learntrac.trac.actions import INSTRUCTOR, TICKET_VIEW, TRAC_ADMIN, WIKI_VIEW, Actions
from learntrac.trac.authz import (
    ANONYMOUS,
    AUTHENTICATED,
    GLOBAL_RESOURCE,
    Authz,
    AuthzError,
    parse_authz,
    verdict,
)
from learntrac.trac.visibility import Visibility

TABLE_POLICY = "DefaultPermissionPolicy"
AUTHZ_POLICY = "AuthzPolicy"
TABLE_STORE = "DefaultPermissionStore"
DEFAULT_POLICIES = ("DefaultWikiPolicy", "DefaultTicketPolicy", TABLE_POLICY, "LegacyAttachmentPolicy")
"""As in Trac 1.4 and 1.6. Trac 1.2 has ReadonlyWikiPolicy for the first two: for tickets it is the same."""

_SILENT_ON_TICKETS = frozenset(
    {
        "DefaultTicketPolicy",
        "DefaultWikiPolicy",
        "ReadonlyWikiPolicy",
        "LegacyAttachmentPolicy",
        "AuthzSourcePolicy",
    }
)
_KNOWN = _SILENT_ON_TICKETS | {TABLE_POLICY, AUTHZ_POLICY, TABLE_STORE}
_ANY_OTHER_USER = "\0"  # no username


@dataclass(frozen=True)
class PermissionSettings:
    """What trac.ini says on permissions.

    `extra_permissions` is the section of that name, empty unless Trac's provider of it is enabled;
    `authz_text` is None when the authz file is not set or cannot be read; `store` is the permission store.
    """

    policies: tuple[str, ...] = DEFAULT_POLICIES
    extra_permissions: Mapping[str, str] = field(default_factory=dict)
    authz_text: str | None = None
    store: str = TABLE_STORE


@dataclass(frozen=True, eq=False)
class Permissions:
    """An immutable snapshot, made with `build`. A user of None is somebody who did not sign in.

    `unknown_policies` are those (and the permission store) that LearnTrac can not follow; `problems` are
    sentences for the operator. An authz file binds an administrator too, as in Trac.
    """

    unknown_policies: tuple[str, ...]
    problems: tuple[str, ...]
    _rows: Mapping[str, tuple[str, ...]]
    _actions: Actions
    _policies: tuple[str, ...]
    _authz: Authz | None
    _named: frozenset[str]
    _rights: dict[str, frozenset[str]] = field(default_factory=dict)
    _visibility: dict[str, Visibility] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        rows: Iterable[tuple[str, str]],
        settings: PermissionSettings | None = None,
        *,
        ignored_policies: Collection[str] = (),
    ) -> "Permissions":
        """From the rows (username, action) of Trac's permission table; `ignored_policies` are passed over."""
        settings = settings or PermissionSettings()
        policies = tuple(name for name in settings.policies if name not in ignored_policies)
        unknown = tuple(name for name in (*policies, settings.store) if name not in _KNOWN | set(ignored_policies))
        authz, problems = _authz(policies, settings.authz_text)
        by_subject = _by_subject(rows)
        named = frozenset(by_subject) | (authz.names if authz else frozenset())
        problems = tuple(map(_unknown_problem, unknown)) + problems
        return cls(unknown, problems, by_subject, Actions(settings.extra_permissions), policies, authz, named)

    def groups(self, username: str | None) -> frozenset[str]:
        """The groups somebody is in, directly or through others, `anonymous` and `authenticated` included."""
        base = _base_groups(_subject(username))
        return base | {name for name in self._reached(_subject(username)) if not name.isupper()}

    def rights(self, username: str | None) -> frozenset[str]:
        """The actions that the permission table gives somebody, meta actions expanded; no policy is asked."""
        who = self._alike(username)
        if who not in self._rights:
            granted = (name for name in self._reached(who) if name.isupper())
            self._rights[who] = self._actions.expand(granted)
        return self._rights[who]

    def roles(self, username: str) -> tuple[str, ...]:
        """LearnTrac's roles of a user, `student` always first.

        As Trac answers for TRAC_ADMIN and LEARNTRAC_INSTRUCTOR outside any ticket: by the table and the authz
        file. Policies that LearnTrac does not know are passed over here.
        """
        if self._may_anywhere(username, TRAC_ADMIN):
            return ("student", "instructor", "admin")
        if self._may_anywhere(username, INSTRUCTOR):
            return ("student", "instructor")
        return ("student",)

    def may_view(self, username: str | None, ticket_id: int) -> bool:
        """Whether somebody may see a ticket."""
        return self.visibility(username).allows(ticket_id)

    def visibility(self, username: str | None) -> Visibility:
        """Which tickets somebody may see."""
        who = self._alike(username)
        if who not in self._visibility:
            rules, default = self._rules(who, TICKET_VIEW)
            seen = Visibility.from_patterns(rules, default=default)
            self._visibility[who] = Visibility(default=False) if self.unknown_policies else seen
        return self._visibility[who]

    def may_read_page(self, username: str | None, name: str) -> bool:
        """Whether somebody may read a wiki page."""
        if self.unknown_policies:
            return False
        rules, default = self._rules(self._alike(username), WIKI_VIEW)
        resource = f"wiki:{name}@*"
        return next((says for pattern, says in rules if fnmatchcase(resource, pattern)), default)

    def _may_anywhere(self, username: str, action: str) -> bool:
        rules, default = self._rules(self._alike(username), action)
        return next((says for pattern, says in rules if fnmatchcase(GLOBAL_RESOURCE, pattern)), default)

    def _rules(self, who: str, action: str) -> tuple[list[tuple[str, bool]], bool]:
        """All policies in one: patterns in order, of which the first that matches decides, and a default."""
        granted = action in self.rights(who) and TABLE_POLICY in self._policies
        if AUTHZ_POLICY not in self._policies:
            return [], granted
        if granted and self._policies.index(TABLE_POLICY) < self._policies.index(AUTHZ_POLICY):
            return [], True
        if self._authz is None:
            return [], False
        said = ((pattern, verdict(line, action, self._actions)) for pattern, line in self._authz.rules_for(who))
        # A line without a word on the action ends the file's say: the policies after it decide.
        return [(pattern, granted if says is None else says) for pattern, says in said], granted

    def _alike(self, username: str | None) -> str:
        """One name for all users of whom neither table nor file speaks: they share what is kept."""
        who = _subject(username)
        return who if who == ANONYMOUS or who in self._named else _ANY_OTHER_USER

    def _reached(self, who: str) -> set[str]:
        found: set[str] = set()
        waiting = [who, *_base_groups(who)]
        while waiting:
            new = set(self._rows.get(waiting.pop(), ())) - found
            found |= new
            waiting.extend(name for name in new if not name.isupper())
        return found


def _subject(username: str | None) -> str:
    return username or ANONYMOUS


def _base_groups(who: str) -> frozenset[str]:
    return frozenset({ANONYMOUS} if who == ANONYMOUS else {ANONYMOUS, AUTHENTICATED})


def _by_subject(rows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for username, action in rows:
        found.setdefault(username, []).append(action)
    return {username: tuple(actions) for username, actions in found.items()}


def _authz(policies: Collection[str], text: str | None) -> tuple[Authz | None, tuple[str, ...]]:
    if AUTHZ_POLICY not in policies:
        return None, ()
    if text is None:
        return None, ("AuthzPolicy is on, but its file ([authz_policy] authz_file) is not set or cannot be read.",)
    try:
        return parse_authz(text), ()
    except AuthzError as error:
        return None, (str(error),)


def _unknown_problem(name: str) -> str:
    return (
        f"trac.ini asks {name} for permissions, which LearnTrac does not know: nobody sees any concept until "
        "it is taken out, or named in LEARNTRAC_IGNORED_POLICIES because it hides no tickets."
    )
