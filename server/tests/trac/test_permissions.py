"""Who may see and do what: by Trac's table and policies, compared with Trac 1.6 itself."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learntrac.trac.permissions import DEFAULT_POLICIES, Permissions, PermissionSettings
from tests.trac.real_trac import RealTrac

INSTRUCTOR_DEFINED = {"_learntrac": "LEARNTRAC_INSTRUCTOR"}


@pytest.fixture(scope="module")
def trac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTrac]:
    real = RealTrac(tmp_path_factory.mktemp("trac"))
    yield real
    real.close()


def test_a_right_granted_to_everyone_is_everyones() -> None:
    permissions = Permissions.build([("anonymous", "TICKET_VIEW")])

    assert permissions.rights(None) == permissions.rights("alice") == {"TICKET_VIEW"}
    assert permissions.visibility(None).key == permissions.visibility("alice").key == "all"


def test_a_right_granted_to_users_is_not_for_strangers() -> None:
    permissions = Permissions.build([("authenticated", "TICKET_VIEW")])

    assert permissions.may_view("alice", 1)
    assert not permissions.may_view(None, 1)
    assert not permissions.may_view("anonymous", 1)
    assert not permissions.may_view("", 1)


def test_groups_are_followed_through_groups() -> None:
    rows = [
        ("bob", "staff"),
        ("staff", "Instructors2"),
        ("Instructors2", "TICKET_ADMIN"),
        ("Instructors2", "staff"),
    ]
    permissions = Permissions.build(rows)

    assert permissions.groups("bob") == {"anonymous", "authenticated", "staff", "Instructors2"}
    assert permissions.groups(None) == {"anonymous"}
    assert "TICKET_CHGPROP" in permissions.rights("bob")
    assert permissions.rights("alice") == set()


def test_roles_follow_from_rights() -> None:
    rows = [
        ("root", "TRAC_ADMIN"),
        ("staff", "LEARNTRAC_INSTRUCTOR"),
        ("ivan", "staff"),
        ("alice", "TICKET_ADMIN"),
    ]
    permissions = Permissions.build(rows)

    assert permissions.roles("root") == ("student", "instructor", "admin")
    assert permissions.roles("ivan") == ("student", "instructor")
    assert permissions.roles("alice") == permissions.roles("nobody") == ("student",)
    assert "LEARNTRAC_INSTRUCTOR" in permissions.rights("root")


def test_a_role_for_every_user_is_for_every_user() -> None:
    assert Permissions.build([("authenticated", "TRAC_ADMIN")]).roles("alice")[-1] == "admin"


def test_extra_permissions_may_widen_what_an_action_gives() -> None:
    extra = {"ticket_append": "ticket_view", "_only": "NEW_ACTION"}
    permissions = Permissions.build([("alice", "TICKET_MODIFY")], PermissionSettings(extra_permissions=extra))

    assert permissions.may_view("alice", 1)
    assert "NEW_ACTION" not in permissions.rights("alice")


def test_an_unknown_policy_hides_everything_from_everyone() -> None:
    settings = PermissionSettings(policies=("SensitiveTicketsPolicy", *DEFAULT_POLICIES))
    permissions = Permissions.build([("anonymous", "TRAC_ADMIN")], settings)

    assert permissions.unknown_policies == ("SensitiveTicketsPolicy",)
    assert not permissions.may_view("alice", 1)
    assert permissions.visibility(None).key == "none"
    assert "SensitiveTicketsPolicy" in permissions.problems[0]
    assert permissions.roles("alice") == ("student", "instructor", "admin")


def test_an_unknown_store_of_permissions_hides_everything_too() -> None:
    permissions = Permissions.build([("anonymous", "TICKET_VIEW")], PermissionSettings(store="LdapPermissionStore"))

    assert permissions.unknown_policies == ("LdapPermissionStore",)
    assert not permissions.may_view("alice", 1)


def test_the_operator_may_vouch_for_a_policy() -> None:
    settings = PermissionSettings(policies=("OurOwnPolicy", *DEFAULT_POLICIES))
    permissions = Permissions.build([("anonymous", "TICKET_VIEW")], settings, ignored_policies=["OurOwnPolicy"])

    assert (permissions.unknown_policies, permissions.problems) == ((), ())
    assert permissions.may_view(None, 1)


def test_policies_of_trac_1_2_are_known() -> None:
    policies = ("ReadonlyWikiPolicy", "DefaultPermissionPolicy", "LegacyAttachmentPolicy")

    assert Permissions.build([("alice", "TICKET_VIEW")], PermissionSettings(policies)).may_view("alice", 1)


def test_an_authz_policy_without_its_file_hides_everything() -> None:
    settings = PermissionSettings(policies=("AuthzPolicy", *DEFAULT_POLICIES))
    permissions = Permissions.build([("alice", "TRAC_ADMIN")], settings)

    assert permissions.visibility("alice").key == "none"
    assert permissions.roles("alice") == ("student",)
    assert permissions.problems == (
        "AuthzPolicy is on, but its file ([authz_policy] authz_file) is not set or cannot be read.",
    )


def test_users_of_whom_nothing_is_said_share_one_answer() -> None:
    settings = PermissionSettings(
        policies=("AuthzPolicy", *DEFAULT_POLICIES), authz_text="[ticket:2]\nbob = TICKET_VIEW\n* =\n"
    )
    permissions = Permissions.build([("authenticated", "TICKET_VIEW")], settings)

    assert permissions.visibility("alice") is permissions.visibility("dora")
    assert permissions.rights("alice") is permissions.rights("dora")
    assert permissions.visibility("alice").exceptions == frozenset({2})
    assert permissions.visibility("bob").key == "all"


actions = [
    "TICKET_VIEW",
    "TICKET_MODIFY",
    "TICKET_BATCH_MODIFY",
    "TICKET_ADMIN",
    "TRAC_ADMIN",
    "LEARNTRAC_INSTRUCTOR",
    "ROADMAP_ADMIN",
    "XML_RPC",
    "COURSE_ADMIN",
]
groups = ["staff", "Teachers", "UPPER9x", "123", "anonymous", "authenticated"]
users = ["alice", "bob", "staff", "anonymous", "authenticated"]
rows = st.lists(st.tuples(st.sampled_from([*users, *groups]), st.sampled_from([*actions, *groups])), max_size=12)
extras = st.dictionaries(
    st.sampled_from(["course_admin", "_course", "ticket_append", "trac_admin", "ticket_view"]),
    st.lists(st.sampled_from(["course_view", " TICKET_VIEW", "COURSE_ADMIN", "TICKET_ADMIN"]), min_size=1).map(
        ",".join
    ),
    max_size=3,
).map(lambda extra: extra | INSTRUCTOR_DEFINED)
policies = st.lists(
    st.sampled_from([*DEFAULT_POLICIES, "DefaultPermissionPolicy", "AuthzSourcePolicy"]),
    unique=True,
    max_size=5,
)


@given(rows, extras, policies)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_finds_what_trac_finds(
    trac: RealTrac, rows: list[tuple[str, str]], extra: dict[str, str], policies: list[str]
) -> None:
    trac.fill(rows, policies, extra)
    mine = Permissions.build(rows, PermissionSettings(tuple(policies), extra))

    for username in [None, "alice", "bob", "carol", "staff", "authenticated"]:
        assert mine.rights(username) == trac.rights(username)
        assert mine.groups(username) == trac.groups(username)
        assert mine.may_view(username, 5) == trac.may(username, "TICKET_VIEW", 5)
        if username is not None:
            assert ("admin" in mine.roles(username)) == trac.may(username, "TRAC_ADMIN")
            assert ("instructor" in mine.roles(username)) == trac.may(username, "LEARNTRAC_INSTRUCTOR")
