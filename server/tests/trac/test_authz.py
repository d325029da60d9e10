"""The authz file: what its lines mean, and that Trac 1.6 finds the same."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from learntrac.trac.actions import Actions
from learntrac.trac.authz import AuthzError, parse_authz, verdict
from learntrac.trac.permissions import Permissions, PermissionSettings
from tests.trac.real_trac import BROKEN, RealTrac

EXTRA = {"_learntrac": "LEARNTRAC_INSTRUCTOR", "reviewer": "TICKET_VIEW, WIKI_VIEW"}
AUTHZ_FIRST = ("AuthzPolicy", "DefaultPermissionPolicy")
USERS = (None, "alice", "bob", "carol")
IDS = (1, 2, 3, 12, 20, 21)
ROWS = [("authenticated", "TICKET_VIEW"), ("bob", "TRAC_ADMIN"), ("carol", "LEARNTRAC_INSTRUCTOR")]


@pytest.fixture(scope="module")
def trac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTrac]:
    real = RealTrac(tmp_path_factory.mktemp("trac"))
    yield real
    real.close()


def permissions(authz_text: str | None, policies: Sequence[str] = AUTHZ_FIRST) -> Permissions:
    return Permissions.build(ROWS, PermissionSettings(tuple(policies), EXTRA, authz_text))


def seen(authz_text: str, username: str | None) -> set[int]:
    mine = permissions(authz_text)
    assert mine.problems == ()
    return {ticket_id for ticket_id in IDS if mine.may_view(username, ticket_id)}


def asked(real: RealTrac, username: str | None, action: str, ticket_id: int | None = None) -> bool:
    try:
        return real.may(username, action, ticket_id)
    except BROKEN:
        return False


def assert_as_in_trac(real: RealTrac, authz_text: str, policies: Sequence[str] = AUTHZ_FIRST) -> None:
    real.fill(ROWS, policies, EXTRA, authz_text)
    mine = permissions(authz_text, policies)
    for username in USERS:
        visible = {ticket_id: mine.may_view(username, ticket_id) for ticket_id in IDS}
        assert visible == {ticket_id: asked(real, username, "TICKET_VIEW", ticket_id) for ticket_id in IDS}, username
        if username is not None:
            admin, instructor = (asked(real, username, each) for each in ("TRAC_ADMIN", "LEARNTRAC_INSTRUCTOR"))
            roles = ("student", "instructor", "admin") if admin else ("student", "instructor")[: 1 + instructor]
            assert mine.roles(username) == roles


EXAMPLES = {
    "empty": "",
    "one ticket denied": "[ticket:2]\n* = !TICKET_VIEW\n",
    "an empty value denies everything": "[ticket:2]\nalice =\n",
    "an administrator is bound too": "[ticket:2]\n* =\n",
    "all but one denied": "[ticket:2@*]\n* = TICKET_VIEW\n[ticket:*]\n* =\n",
    "the first section wins": "[ticket:*]\n* = TICKET_VIEW\n[ticket:2]\n* =\n",
    "a section without a line for the user is passed": "[ticket:2]\nbob = WIKI_VIEW\n[*]\nalice =\n",
    "the first line wins": "[ticket:*]\nalice = TICKET_VIEW\n* =\n",
    "a line on other actions ends the search": "[ticket:2]\nalice = WIKI_VIEW\n[ticket:*]\nalice =\n",
    "a version is part of the name": "[ticket:2@1]\n* =\n[ticket:3@?]\n* =\n",
    "a set of characters": "[ticket:[13]]\n* =\n[ticket:2[!1]]\n* =\n",
    "groups": "[groups]\nstaff = bob, @inner\ninner = carol\n[ticket:2]\n@staff = TICKET_VIEW\n* =\n",
    "a group in a group is not the group": "[groups]\nstaff = bob, @inner\ninner = carol\n[*]\n@inner =\n",
    "anonymous stands for everyone": "[ticket:2]\nanonymous = !TICKET_VIEW\n",
    "authenticated is not anonymous": "[ticket:*]\nauthenticated = !TICKET_VIEW\n",
    "anonymous in a group is one user": "[groups]\nall = anonymous, authenticated\n[*]\n@all = TICKET_VIEW\n",
    "a meta action allows": "[ticket:2]\nanonymous = TICKET_ADMIN\n",
    "a meta action denies": "[ticket:2]\n* = !TICKET_ADMIN\n",
    "a part of a meta action is not the whole": "[ticket:2]\nanonymous = TICKET_MODIFY\n",
    "everything denied": "[ticket:2]\n* = !TRAC_ADMIN\n",
    "an extra permission": "[ticket:2]\nanonymous = REVIEWER\n",
    "order": "[ticket:1]\n* = TICKET_VIEW, !TICKET_VIEW\n[ticket:2]\n* = !TICKET_VIEW, TICKET_VIEW\n",
    "two denials and a grant": "[ticket:*]\n* = !WIKI_VIEW, !TICKET_CREATE, TICKET_VIEW\n",
    "an action Trac does not have": "[ticket:2]\n* = !TICKET_LOOK\n[ticket:3]\n* = ticket_view\n",
    "a blank after the mark": "[ticket:2]\n* = ! TICKET_VIEW\n",
    "other resources": "[wiki:*]\n* =\n[*/attachment:*]\n* =\n[ticket:2@*/attachment:*]\n* =\n",
    "alternatives are not known": "[wiki:Start@* / ticket:*]\n* =\n",
    "a role given": "[*]\nalice = TRAC_ADMIN\n",
    "a role taken": "[*:*@*]\nbob = !TRAC_ADMIN\ncarol =\n",
    "a role on a ticket is no role": "[ticket:*]\nalice = TRAC_ADMIN\n",
    "values over several lines": "[ticket:2]\n* = WIKI_VIEW,\n    !TICKET_VIEW\n",
    "comments": "# all\n[ticket:2]\n; none\n* =\n",
    "names are case-sensitive": "[ticket:*]\nAlice =\n[TICKET:*]\n* =\n",
    "defaults": "[DEFAULT]\nbob =\n[ticket:2]\nalice = TICKET_VIEW\n",
    "a colon ends a name": "[ticket:2]\nalice: !TICKET_VIEW\n",
    "no section": "alice = TICKET_VIEW\n",
    "no value": "[ticket:2]\nalice\n",
    "a section twice": "[ticket:2]\nalice =\n[ticket:2]\nbob =\n",
    "a line twice": "[ticket:2]\nalice =\nalice = TICKET_VIEW\n",
    "an unknown group": "[groups]\nstaff = @nobody\n[ticket:2]\n@staff =\n",
    "an unknown group in a line": "[ticket:2]\n@nobody =\n",
    "a group in itself": "[groups]\nstaff = @inner\ninner = @staff\n",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_reads_every_example_as_trac_does(trac: RealTrac, name: str) -> None:
    assert_as_in_trac(trac, EXAMPLES[name])


@pytest.mark.parametrize("name", ["one ticket denied", "a role given", "a group in itself", "no value"])
@pytest.mark.parametrize(
    "policies",
    [("DefaultPermissionPolicy", "AuthzPolicy"), ("AuthzPolicy",), ("LegacyAttachmentPolicy",), ()],
)
def test_heeds_the_order_of_the_policies_as_trac_does(trac: RealTrac, policies: tuple[str, ...], name: str) -> None:
    assert_as_in_trac(trac, EXAMPLES[name], policies)


names = st.sampled_from(["alice", "bob", "dora", "anonymous", "authenticated", "*", "@staff", "@inner"])
actions = st.sampled_from(
    [
        "TICKET_VIEW",
        "TICKET_MODIFY",
        "TICKET_ADMIN",
        "TRAC_ADMIN",
        "WIKI_VIEW",
        "REVIEWER",
        "LEARNTRAC_INSTRUCTOR",
    ]
)
words = st.tuples(st.sampled_from(["", "", "!"]), actions).map("".join)
lines = st.dictionaries(names, st.lists(words, max_size=3).map(", ".join), max_size=4)
pattern_parts = st.sampled_from(["ticket", ":", "*", "?", "1", "2", "@", "@*", "/", "[12]", "[!2]", "wiki"])
section_names = st.one_of(
    st.sampled_from(["ticket:1", "ticket:2@*", "ticket:*", "*", "*:*@*", "ticket:2?", "wiki:*", "ticket:[12]"]),
    st.lists(pattern_parts, min_size=1, max_size=6).map("".join),
)
members = st.lists(st.sampled_from(["alice", "carol", "anonymous", "@inner"]), max_size=3).map(", ".join)
group_sections = st.fixed_dictionaries({"staff": members, "inner": st.sampled_from(["bob", "carol, dora", ""])})


def written(groups: dict[str, str], sections: dict[str, dict[str, str]]) -> str:
    everything = {"groups": groups} | sections
    return "".join(
        f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        for name, options in everything.items()
    )


@given(
    group_sections,
    st.dictionaries(section_names, lines, max_size=5),
    st.permutations([*AUTHZ_FIRST, "DefaultTicketPolicy"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_decides_as_trac_does(
    trac: RealTrac, groups: dict[str, str], sections: dict[str, dict[str, str]], policies: list[str]
) -> None:
    assert_as_in_trac(trac, written(groups, sections), policies)


def test_hides_a_ticket_from_all_but_a_group() -> None:
    text = "[groups]\nstaff = bob\n[ticket:2]\n@staff = TICKET_VIEW\n* =\n"

    assert seen(text, "alice") == {1, 3, 12, 20, 21}
    assert seen(text, "bob") == set(IDS)


def test_says_which_line_is_broken() -> None:
    mine = permissions("[ticket:2]\nalice = TICKET_VIEW\nbob\n")

    assert mine.problems == ("The authz file cannot be read, line 3: neither a section, an option nor a comment.",)
    assert mine.visibility("bob").key == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alice = X\n", "line 1: no section begins"),
        ("[a]\n[b]\n[a]\n", "line 3: .* there twice"),
        ("[a]\nx = 1\nx = 2\n", "line 3: .* there twice"),
        ("[groups]\na = @b\n", "group @b, which"),
        ("[groups]\na = @b\nb = @a\n", "contains itself"),
        ("[ticket:2]\n* = !TICKET_VIEW ; a comment\n", r"\[ticket:2\] \* .* comment for Trac on Python 2"),
    ],
)
def test_refuses_what_trac_cannot_use_or_reads_in_two_ways(text: str, message: str) -> None:
    with pytest.raises(AuthzError, match=message):
        parse_authz(text)


@given(st.text())
@example("[groups]\n=a")
@example("[x]\n a\n= b")
def test_no_text_breaks_more_than_the_policy(text: str) -> None:
    mine = permissions(text)
    mine.may_view("alice", 1)

    assert (mine.problems == ()) or mine.visibility("bob").key == "none"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ((), False),
        (("WIKI_VIEW",), None),
        (("WIKI_VIEW", "TICKET_VIEW"), True),
        (("!TICKET_ADMIN", "TICKET_VIEW"), False),
        (("!!TICKET_VIEW",), None),
    ],
)
def test_a_line_says_yes_no_or_nothing(line: tuple[str, ...], answer: bool | None) -> None:
    assert verdict(line, "TICKET_VIEW", Actions({})) is answer
