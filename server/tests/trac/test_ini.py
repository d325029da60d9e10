"""trac.ini: the same values as Trac 1.6 finds, and one clear sentence when there are none."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from learntrac.trac.ini import (
    IniError,
    TracIni,
    permission_settings,
    read_ini,
)
from tests.trac.real_trac import (
    Configuration,
    is_enabled,
)

Write = Callable[..., TracIni]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    return tmp_path


@pytest.fixture
def write(environment: Path) -> Write:
    """Write trac.ini and files beside it, and read them."""

    def write_and_read(text: str, **others: str) -> TracIni:
        put(environment, "trac.ini", text)
        for name, other in others.items():
            put(environment, f"{name}.ini", other)
        return read_ini(environment)

    return write_and_read


def put(environment: Path, name: str, text: str) -> Path:
    path = environment / "conf" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


class TestReading:
    def test_options_have_no_case_and_sections_have(self, write: Write) -> None:
        ini = write("[Project]\nNAME = Kurs Zwölf\n")

        assert ini.get("Project", "Name") == "Kurs Zwölf"
        assert ini.get("project", "name", "none") == "none"

    def test_a_value_is_left_as_it_is(self, write: Write) -> None:
        ini = write("[a]\npercent = 100 % %(name)s $x ; y\ncolon: here\nmany = one,\n  two,\n\n  three\nempty =\n")

        assert ini.options("a") == {
            "percent": "100 % %(name)s $x ; y",
            "colon": "here",
            "many": "one,\ntwo,\n\nthree",
            "empty": "",
        }
        assert ini.get_list("a", "many") == ("one", "two", "three")

    def test_a_byte_order_mark_and_any_line_ends_are_taken(self, environment: Path) -> None:
        (environment / "conf" / "trac.ini").write_bytes(b"\xef\xbb\xbf[a]\r\nx = 1\ry = 2\n")

        assert read_ini(environment).options("a") == {"x": "1", "y": "2"}

    def test_what_is_there_twice_is_merged_as_on_python_2(self, write: Write) -> None:
        assert write("[a]\nx = 1\nx = 2\n[b]\n[a]\ny = 3\n").options("a") == {"x": "2", "y": "3"}

    def test_traces_of_trac_are_filled_in(self, write: Write) -> None:
        ini = write("[trac]\n")

        assert ini.get("trac", "database", "mine") == "sqlite:db/trac.db"
        assert ini.get_list("trac", "permission_policies")[2] == "DefaultPermissionPolicy"

    def test_an_empty_list_of_policies_stays_empty(self, write: Write) -> None:
        assert write("[trac]\npermission_policies =\n").get_list("trac", "permission_policies", ["X"]) == ()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            *((text, True) for text in ("yes", "On", " ENABLED ", "true", "2")),
            *((text, False) for text in ("no", "off", "", "maybe", "0.0")),
        ],
    )
    def test_switches(self, write: Write, text: str, expected: bool) -> None:
        assert write(f"[a]\nx = {text}\n").get_bool("a", "x", default=True) is expected

    def test_what_is_not_set_is_the_default(self, write: Write) -> None:
        ini = write("")

        assert ini.get_bool("a", "x", default=True) is True
        assert ini.get_list("a", "x", ["one"]) == ("one",)
        assert ini.find_path("a", "x") is None
        assert ini.options("a") == {}

    def test_paths_are_counted_from_the_conf_folder(self, write: Write, environment: Path) -> None:
        ini = write("[a]\nx = rules.conf\ny = /etc/rules.conf\nz =\n")

        assert ini.find_path("a", "x") == environment / "conf" / "rules.conf"
        assert ini.find_path("a", "y") == Path("/etc/rules.conf")
        assert ini.find_path("a", "z") is None


class TestInheriting:
    def test_the_nearer_file_wins_and_the_first_of_two(self, write: Write) -> None:
        ini = write(
            "[inherit]\nfile = one.ini, two.ini,\n[a]\nx = main\n",
            one="[a]\nx = one\ny = one\n",
            two="[a]\ny = two\nz = two\n",
        )

        assert ini.options("a") == {"x": "main", "y": "one", "z": "two"}
        assert [path.name for path in ini.files] == ["trac.ini", "one.ini", "two.ini"]

    def test_a_parent_of_a_parent_is_found_from_the_parents_folder(self, write: Write, environment: Path) -> None:
        put(environment, "site/base.ini", "[inherit]\nfile = more.ini\n")
        put(environment, "site/more.ini", "[a]\nx = deep\n")

        assert write("[inherit]\nfile = site/base.ini\n").get("a", "x") == "deep"

    def test_a_circle_ends(self, write: Write) -> None:
        ini = write("[inherit]\nfile = one.ini\n", one="[inherit]\nfile = ./trac.ini, one.ini\n[a]\nx = 1\n")

        assert ini.get("a", "x") == "1"

    def test_a_missing_parent_is_an_error(self, write: Write) -> None:
        with pytest.raises(IniError, match=r"gone\.ini cannot be read: No such file"):
            write("[inherit]\nfile = gone.ini\n")


class TestErrors:
    def test_a_snapshot_does_not_show_the_password(self, write: Write) -> None:
        assert "secret" not in repr(write("[trac]\ndatabase = postgres://u:secret@host/trac\n"))

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(IniError, match=r"conf/trac\.ini cannot be read: No such file or directory\.$"):
            read_ini(tmp_path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"x = 1\n", r"trac\.ini, line 1: no section begins before this line\.$"),
            (b"[a]\nx = 1\nsecret\n", r"trac\.ini, line 3: neither a section, an option nor a comment\.$"),
            (b"[a]\nx = \xff\n", r"trac\.ini, line 2: this is not UTF-8\.$"),
        ],
    )
    def test_a_broken_file(self, environment: Path, content: bytes, message: str) -> None:
        (environment / "conf" / "trac.ini").write_bytes(content)

        with pytest.raises(IniError, match=message) as raised:
            read_ini(environment)
        assert "secret" not in str(raised.value)

    @given(st.binary() | st.text().map(str.encode))
    @example(b"[inherit]\nfile = \x00")
    @example(b"[trac]\npermission_policies = AuthzPolicy\n[authz_policy]\nauthz_file = \x00")
    @example(b"[x]\n=a")
    def test_any_bytes_are_read_or_named(self, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "conf" / "trac.ini"
            path.parent.mkdir()
            path.write_bytes(content)
            try:
                found = str(read_ini(Path(folder)).files[0])
            except IniError as error:
                found = str(error)
            assert found.startswith((str(path), str(path.parent)))


class TestChanges:
    def test_nothing_changed(self, write: Write) -> None:
        assert not write("[inherit]\nfile = one.ini\n", one="").changed()

    def test_a_file_of_another_size_and_the_same_time(self, write: Write, environment: Path) -> None:
        path = environment / "conf" / "trac.ini"
        ini = write("[a]\n")
        time_ns = path.stat().st_mtime_ns
        path.write_text("[a]\nx = 1\n")
        os.utime(path, ns=(time_ns, time_ns))

        assert ini.changed()

    def test_a_file_of_another_size_time_or_none(self, write: Write, environment: Path) -> None:
        for change in (
            lambda path: path.write_text("[a]"),
            lambda path: os.utime(path, (1, 1)),
            lambda path: path.unlink(),
        ):
            ini = write("[inherit]\nfile = one.ini\n", one="")
            change(environment / "conf" / "one.ini")
            assert ini.changed()

    def test_the_authz_file_counts_even_while_it_is_missing(self, write: Write, environment: Path) -> None:
        text = "[trac]\npermission_policies = AuthzPolicy\n[authz_policy]\nauthz_file = rules.conf\n"
        ini = write(text)
        assert (ini.authz_text, ini.changed(), len(ini.files)) == (None, False, 1)

        rules = put(environment, "rules.conf", "[*]\r\n* =\r\n")
        assert ini.changed()

        ini = read_ini(environment)
        assert (ini.authz_text, ini.files[1]) == ("[*]\n* =\n", rules)
        rules.unlink()
        assert ini.changed()

    def test_the_authz_file_of_a_policy_that_is_off_is_not_read(self, write: Write) -> None:
        ini = write("[authz_policy]\nauthz_file = rules.conf\n", rules="[*]\n")

        assert (ini.authz_text, len(ini.files)) == (None, 1)


class TestPermissionSettings:
    def test_extra_permissions_count_only_when_their_provider_is_on(self, write: Write) -> None:
        extra = "[extra-permissions]\nx_admin = X_VIEW\n"

        assert permission_settings(write(extra)).extra_permissions == {}
        on = write(extra + "[components]\ntracopt.perm.* = enabled\n")
        assert permission_settings(on).extra_permissions == {"x_admin": "X_VIEW"}

    def test_policies_store_and_authz_file(self, write: Write, environment: Path) -> None:
        put(environment, "rules.conf", "[*]\n")
        ini = write(
            "[trac]\npermission_policies = AuthzPolicy, Other\npermission_store = LdapStore\n"
            "[authz_policy]\nauthz_file = rules.conf\n"
        )
        found = permission_settings(ini)

        assert (found.policies, found.store, found.authz_text) == (
            ("AuthzPolicy", "Other"),
            "LdapStore",
            "[*]\n",
        )


sections = st.sampled_from(["trac-x", "Trac-X", "b", "DEFAULT"])
options = st.sampled_from(["one", "ONE", "two", "a.b"])
values = st.sampled_from(["1", "", "x, y", "a\n b", "50 %", "%(one)s", "yes"])
ini_files = st.dictionaries(sections, st.dictionaries(options.map(str.lower), values, max_size=4), max_size=3)


def as_text(content: dict[str, dict[str, str]], inherits: str) -> str:
    text = f"[inherit]\nfile = {inherits}\n"
    for section, found in content.items():
        text += f"[{section}]\n" + "".join(f"{option} = {value}\n" for option, value in found.items())
    return text


@given(ini_files, ini_files, ini_files)
@settings(deadline=None)
def test_finds_what_trac_finds(
    main: dict[str, dict[str, str]], one: dict[str, dict[str, str]], two: dict[str, dict[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), "trac.ini", as_text(main, "sub/one.ini, two.ini"))
        put(Path(folder), "sub/one.ini", as_text(one, "../two.ini"))
        put(Path(folder), "two.ini", as_text(two, ""))
        mine, real = read_ini(Path(folder)), Configuration(str(Path(folder) / "conf" / "trac.ini"))

    for section in ("trac-x", "Trac-X", "b"):
        assert list(mine.options(section).items()) == list(real.options(section))
        for option in ("ONE", "two", "A.b", "none"):
            assert mine.get(section, option, "default") == real.get(section, option, "default")
            assert mine.get_bool(section, option) == real.getbool(section, option)
            assert list(mine.get_list(section, option)) == real.getlist(section, option, keep_empty=False)


component_rules = st.dictionaries(
    st.sampled_from(
        [
            "trac.*",
            "trac.web.*",
            "trac.web.auth",
            "Trac.Web.Auth.LoginModule",
            "tracopt.*",
            "trac.web..",
            "acct_mgr.*",
            "*",
        ]
    ),
    st.sampled_from(["enabled", "disabled", "on", "0", "nonsense"]),
)


@given(component_rules)
def test_components_are_on_as_in_trac(rules: dict[str, str]) -> None:
    mine = TracIni(Path("trac.ini"), {"components": {name.lower(): rule for name, rule in rules.items()}}, {})

    for name in (
        "trac.web.auth.LoginModule",
        "trac.ticket.api.TicketSystem",
        "tracopt.perm.authz_policy.AuthzPolicy",
    ):
        assert mine.component_enabled(name) == is_enabled(rules, name)
