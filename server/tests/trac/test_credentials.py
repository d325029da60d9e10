"""Sign-in against the stores of a Trac installation, beside Trac and AccountManager themselves."""

import base64
import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.trac.credentials import (
    ConfiguredStores,
    Credentials,
    CredentialsUnavailable,
    FileStore,
    PasswordFile,
    SessionStore,
    parse_htdigest,
    parse_htpasswd,
    parse_svnserve,
    stores_from_files,
    stores_from_ini,
)

with warnings.catch_warnings():
    # Trac and AccountManager import pkg_resources, crypt and python-multipart's old name, which all warn.
    warnings.simplefilter("ignore")
    import acct_mgr.db  # type: ignore[import-untyped]  # the plugin ships no types
    import acct_mgr.htfile  # type: ignore[import-untyped]  # as above
    import acct_mgr.svnserve  # type: ignore[import-untyped]  # as above
    from trac.test import EnvironmentStub
    from trac.web.auth import BasicAuthentication, DigestAuthentication

NAMES = ["alice", "Alice", "ALICE", "Bob", "bob", "zoë", "carl", "dora", "nobody"]
PASSWORDS = ["one", "two", "three", "four", "", "wrong", "ONE"]
TRIED = [(name, password) for name in NAMES for password in PASSWORDS]
UNKNOWN = [f"nobody{number}" for number in range(60)]


def sha(password: str) -> str:
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


def digest(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def slow(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()


def write(path: Path, *lines: str, at: int | None = None) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if at is not None:
        os.utime(path, (at, at))
    return path


def options_of(ini: str) -> dict[tuple[str, str], str]:
    """Of a trac.ini in short: `option=value;[section]option=value`, without a section the plugin's own."""
    pairs = (pair.split("=", 1) for pair in ini.split(";") if pair)
    named = ((name if "]" in name else f"[account-manager]{name}", value) for name, value in pairs)
    return {(name[1:].partition("]")[0], name.partition("]")[2]): value for name, value in named}


def configured(ini: str, environment: Path = Path("/env")) -> ConfiguredStores:
    options = options_of(ini)
    return stores_from_ini(lambda *asked: options.get(asked[:2], asked[2]), environment)


class TestParsing:
    def test_an_htpasswd_line_is_name_and_hash(self) -> None:
        text = "alice:one\r\n# note\n\n  bob:two # two\nzoë : 3\nno hash\n:nobody\ncarl:\ndora:4:5\n#eve:6"
        expected = {"alice": "one", "bob": "two", "zoë ": " 3", "carl": "", "dora": "4"}
        assert parse_htpasswd(text) == expected

    def test_of_an_htdigest_only_the_realm_counts(self) -> None:
        text = "alice:Course:one\nbob:course:two\nalice:Other:three\ncarl:Course\ndora:Course:four:more\n"
        assert parse_htdigest(text, "Course") == {"alice": "one", "dora": "four"}
        assert parse_htdigest("alice::one", "") == {"alice": "one"}

    def test_of_two_lines_for_one_user_the_last_or_the_first_wins(self) -> None:
        assert parse_htpasswd("alice:one\nalice:two") == {"alice": "two"}
        assert parse_htpasswd("alice:one\nalice:two", first_wins=True) == {"alice": "one"}
        assert parse_htdigest("alice:r:one\nalice:r:two", "r") == {"alice": "two"}
        assert parse_htdigest("alice:r:one\nalice:r:two", "r", first_wins=True) == {"alice": "one"}

    def test_svnserve_keeps_the_case_of_names(self) -> None:
        assert parse_svnserve("[users]\nAlice = a 100%\nbob=b") == {"Alice": "a 100%", "bob": "b"}
        assert parse_svnserve("[general]\nrealm = x\n") == {}

    words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=":#"), min_size=1)

    @given(st.dictionaries(words, words))
    def test_what_is_written_is_read(self, entries: dict[str, str]) -> None:
        assert parse_htpasswd("".join(f"{name}:{stored}\n" for name, stored in entries.items())) == entries
        digests = "".join(f"{name}:Course:{stored}\nx:Else:y\n" for name, stored in entries.items())
        assert parse_htdigest(digests, "Course") == entries

    @given(st.text("ab:# \t\r\n\x0b\x85\u2028é"))
    def test_reads_what_trac_reads(self, text: str) -> None:
        # Trac also keeps an entry for the empty name, which no one can sign in with.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            file.write_bytes(text.encode())
            passwords, digests = BasicAuthentication(str(file), "a"), DigestAuthentication(str(file), "a")
        assert parse_htpasswd(text) == {name: stored for name, stored in passwords.hash.items() if name}
        assert parse_htdigest(text, "a") == {name: stored for name, stored in digests.hash.items() if name}


class TestPasswordFile:
    @pytest.mark.parametrize(("line", "at"), [("alice:two", 2000), ("alice:three", 1000)])
    def test_is_read_again_when_it_changes(self, line: str, at: int, tmp_path: Path) -> None:
        file = PasswordFile(write(tmp_path / "a", "alice:one", at=1000), parse_htpasswd)
        assert file.entries() == {"alice": "one"}
        write(tmp_path / "a", line, at=at)
        assert file.entries() == parse_htpasswd(line)
        # Another file in its place, of the same time and size.
        write(tmp_path / "b", line[::-1], at=at).replace(tmp_path / "a")
        assert file.entries() == parse_htpasswd(line[::-1])

    def test_is_not_read_again_without_cause(self, tmp_path: Path) -> None:
        file = PasswordFile(write(tmp_path / "a", "alice:one"), parse_htpasswd)
        assert file.entries() is file.entries()

    def test_a_line_that_is_not_utf_8_is_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes("zoë:one\n".encode("latin-1") + "zoë:two\r\nbob:three".encode())
        assert PasswordFile(tmp_path / "a", parse_htpasswd).entries() == {"zoë": "two", "bob": "three"}

    def test_a_file_that_goes_missing_is_named(self, tmp_path: Path) -> None:
        file = PasswordFile(write(tmp_path / "a", "alice:one"), parse_htpasswd)
        assert file.entries() == {"alice": "one"}
        (tmp_path / "a").unlink()
        with pytest.raises(CredentialsUnavailable, match=f"{tmp_path / 'a'}: No such file"):
            file.entries()

    def test_a_file_that_makes_no_sense_is_named_but_not_quoted(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a", "hunter2")
        with pytest.raises(CredentialsUnavailable, match=str(path)) as raised:
            PasswordFile(path, parse_svnserve).entries()
        assert "hunter2" not in str(raised.value)


def paths(found: ConfiguredStores) -> list[Path]:
    return [store.file.path for store in found.stores if isinstance(store, FileStore)]


class TestIni:
    def test_without_the_plugin_there_are_no_stores(self) -> None:
        assert configured("") == ConfiguredStores(stores=(), problems=(), ignore_case=False)

    def test_stores_keep_their_order_and_paths_start_at_the_environment(self) -> None:
        names = "password_store= SvnServePasswordStore , HtPasswdStore,,SessionStore,HtDigestStore,SessionStore"
        found = configured(f"{names};htpasswd_file=a;htdigest_file=/b/../c;password_file=d")
        assert [type(store) for store in found.stores] == [FileStore, FileStore, SessionStore, FileStore]
        assert paths(found) == [Path("/env/d"), Path("/env/a"), Path("/c")]
        assert found.problems == ()

    @pytest.mark.parametrize("form", ["htpasswd", "htdigest"])
    def test_the_options_of_old_versions_are_read(self, form: str) -> None:
        assert paths(configured(f"password_format={form};password_file=old")) == [Path("/env/old")]

    @pytest.mark.parametrize(
        ("ini", "problem"),
        [
            ("password_store=HttpAuthStore", "HttpAuthStore is not supported"),
            ("password_format=svnserve-file", "svnserve-file is not supported"),
            ("password_store=HtPasswdStore", "htpasswd_file is not set"),
            ("password_store=HtDigestStore", "htdigest_file is not set"),
            ("password_store=SvnServePasswordStore", "password_file is not set"),
            ("password_store=SessionStore;hash_method=Mine", "Mine is not supported"),
            ("password_store=SessionStore;[components]acct_mgr.pwhash.*=off", "HashMethod is disabled"),
            ("password_store=SessionStore;[components]acct_mgr.db.*=disabled", "SessionStore is disabled"),
        ],
    )
    def test_a_store_that_is_not_used_is_reported(self, ini: str, problem: str) -> None:
        found = configured(ini)
        assert found.stores == ()
        assert [problem in reported for reported in found.problems] == [True]

    @pytest.mark.parametrize(
        ("rules", "count"),
        [
            ("", 1),
            ("[components]acct_mgr.*=enabled", 1),
            ("[components]acct_mgr=1", 1),
            ("[components]acct_mgr.*=disabled", 0),
            ("[components]acct_mgr.*=off;[components]acct_mgr.db.*=on;[components]acct_mgr.pwhash=on", 0),
            ("[components]acct_mgr.*=off;[components]acct_mgr.api.accountmanager=enabled", 0),
            ("[components]acct_mgr.db.sessionstore=yes;[components]acct_mgr.db.*=no", 1),
        ],
    )
    def test_the_nearest_rule_enables(self, rules: str, count: int) -> None:
        assert len(configured(f"password_store=SessionStore;{rules}").stores) == count

    @pytest.mark.parametrize(("value", "ignored"), [("enabled", True), ("1", True), ("no", False), ("", False)])
    def test_case_may_be_ignored(self, value: str, ignored: bool) -> None:
        assert configured(f"[trac]ignore_auth_case={value}").ignore_case is ignored


class TestCredentials:
    @pytest.fixture
    def htpasswd(self, tmp_path: Path) -> Path:
        return write(tmp_path / "htpasswd", f"alice:{sha('one')}", f"Bob:{sha('two')}")

    def test_any_file_that_accepts_is_enough(self, htpasswd: Path, tmp_path: Path) -> None:
        htdigest = write(tmp_path / "htdigest", f"alice:Kurs:{digest('alice', 'Kurs', 'three')}")
        credentials = Credentials(stores_from_files(htpasswd, htdigest, "Kurs"))
        only_digests = Credentials(stores_from_files(None, htdigest, "Kurs"))
        assert {word for word in PASSWORDS if credentials.check("alice", word, None)} == {"one", "three"}
        assert {word for word in PASSWORDS if only_digests.check("alice", word, None)} == {"three"}
        assert not any(credentials.check("carl", word, None) for word in PASSWORDS)

    def test_knows_its_users(self, htpasswd: Path) -> None:
        credentials = Credentials(stores_from_files(htpasswd, None, ""))
        assert credentials.usernames() == {"alice", "Bob"}
        assert credentials.exists("Bob", None)
        assert not credentials.exists("bob", None)
        assert not credentials.exists("carl", "a hash that no store reads")
        assert not credentials.uses_sessions

    @pytest.mark.parametrize(
        ("ini", "stored"),
        [
            ("", ":" + digest("alice", "", "four")),
            ("db_htdigest_realm=Kurs", "Kurs:" + digest("alice", "Kurs", "four")),
            ("hash_method=HtPasswdHashMethod", sha("four")),
        ],
    )
    def test_a_session_hash_is_checked(self, ini: str, stored: str) -> None:
        credentials = Credentials(configured(f"password_store=SessionStore;{ini}").stores)
        assert credentials.uses_sessions
        assert credentials.usernames() == set()
        assert credentials.exists("alice", stored)
        assert not credentials.exists("alice", None)
        assert credentials.check("alice", "four", stored)
        assert not credentials.check("alice", "five", stored)
        assert not credentials.check("alice", "four", None, sample_session_hash=stored)
        others = (f"x{stored}", stored.removeprefix(":").removeprefix("Kurs:")[:32], "", ":")
        assert not any(credentials.check("alice", "four", other) for other in others)

    def test_ignoring_case_tracd_lowers_the_name_after_it_looked(self, htpasswd: Path) -> None:
        credentials = Credentials(stores_from_files(htpasswd, None, ""), ignore_case=True)
        assert credentials.account_name("Bob") == "bob"
        assert credentials.usernames() == {"alice", "bob"}
        assert credentials.exists("bob", None)
        assert credentials.check("Bob", "two", None)
        assert not credentials.check("bob", "two", None)

    def test_ignoring_case_the_plugin_lowers_the_name_before_it_looks(self, htpasswd: Path) -> None:
        stores = configured("password_store=HtPasswdStore;htpasswd_file=htpasswd", htpasswd.parent).stores
        credentials = Credentials(stores, ignore_case=True)
        assert credentials.usernames() == {"alice"}
        assert credentials.check("ALICE", "one", None)
        assert not credentials.check("Bob", "two", None)

    def test_a_missing_file_stops_only_whom_it_might_have_let_in(self, htpasswd: Path) -> None:
        credentials = Credentials(stores_from_files(htpasswd, htpasswd.parent / "gone", "Kurs"))
        assert credentials.check("alice", "one", None)
        assert credentials.exists("alice", None)
        for name in ("alice", "carl"):
            with pytest.raises(CredentialsUnavailable, match="gone"):
                credentials.check(name, "three", None)
        for ask in (credentials.usernames, lambda: credentials.exists("carl", None)):
            with pytest.raises(CredentialsUnavailable, match="gone"):
                ask()

    @given(st.text(), st.text(), st.none() | st.text(), st.text())
    def test_never_raises(self, name: str, password: str, stored: str | None, sample: str) -> None:
        stores = configured("password_store=SessionStore;hash_method=HtPasswdHashMethod").stores
        assert Credentials(stores).check(name, password, stored, sample) is False


class TestCost:
    """An unknown user costs what a known one does: the same hash function, as often, on a real entry."""

    @pytest.fixture
    def checked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What bcrypt was asked to check passwords against, and argon2 to hash."""
        checked: list[str] = []
        real = bcrypt.checkpw

        def count(password: bytes, stored: bytes) -> bool:
            checked.append(stored.decode())
            return real(password, stored)

        monkeypatch.setattr(bcrypt, "checkpw", count)
        monkeypatch.setattr(argon2.PasswordHasher, "hash", lambda _self, _secret: checked.append("argon2"))
        return checked

    @staticmethod
    def credentials(folder: Path, *files: Iterable[str], key: bytes | None = None) -> Credentials:
        """Over htpasswd files of these lines."""
        written = [write(folder / str(number), *lines) for number, lines in enumerate(files)]
        stores = [store for path in written for store in stores_from_files(path, None, "")]
        return Credentials(stores, decoy_key=key)

    def test_an_unknown_user_is_checked_on_a_real_entry(self, tmp_path: Path, checked: list[str]) -> None:
        stored = slow("one")
        credentials = self.credentials(tmp_path, [f"alice:{stored}"])
        assert credentials.check("alice", "one", None)
        assert not any(credentials.check(name, "one", None) for name in ("nobody", "no\ud800body", ""))
        assert not any(credentials.check(name, "one", None, "a sample no store reads") for name in UNKNOWN)
        assert checked == [stored] * 64

    def test_the_name_and_the_key_choose_among_all_entries(self, tmp_path: Path, checked: list[str]) -> None:
        stored = [slow("one") for _ in range(4)]
        lines = [f"user{number}:{one}" for number, one in enumerate(stored)]
        for key in (b"shared", b"shared", None, None):
            credentials = self.credentials(tmp_path, lines[:3], lines[3:], key=key)
            assert not any(credentials.check(name, "one", None) for name in UNKNOWN)
        first, second, third, fourth = (checked[start : start + 60] for start in range(0, 240, 60))
        assert first == second
        assert third != fourth
        assert min(first.count(one) for one in stored) >= 5

    def test_two_entries_cost_two_hashes_known_or_not(self, tmp_path: Path, checked: list[str]) -> None:
        credentials = self.credentials(tmp_path, [f"alice:{slow('one')}"], [f"alice:{slow('two')}"])
        assert not any(credentials.check(name, "wrong", None) for name in ("alice", "nobody"))
        assert len(checked) == 4
        assert checked[:2] == checked[2:]

    def test_a_sample_stands_for_the_session_store(self, tmp_path: Path, checked: list[str]) -> None:
        write(tmp_path / "a", f"alice:{slow('one')}")
        ini = "password_store=SessionStore,HtPasswdStore;hash_method=HtPasswdHashMethod;htpasswd_file=a"
        credentials = Credentials(configured(ini, tmp_path).stores, decoy_key=b"any")
        sample = slow("two")
        assert not any(credentials.check(name, "two", None, sample) for name in UNKNOWN)
        assert len(checked) == 60
        assert 15 <= checked.count(sample) <= 45

    def test_with_no_entries_at_all_argon2_is_run(self, checked: list[str]) -> None:
        assert not Credentials([]).check("nobody", "one", "a hash no store reads", "nor this")
        assert checked == ["argon2"]


def test_admits_whom_tracd_admits(tmp_path: Path) -> None:
    lines = f"alice:{sha('one')} # old|alice:{slow('two')}:x|zoë:{sha('three')}|#bob:{sha('one')}|carl:"
    path = write(tmp_path / "htpasswd", *lines.split("|"), f"Alice:{sha('four')}")
    trac, ours = BasicAuthentication(str(path), "x"), Credentials(stores_from_files(path, None, ""))
    verdicts = [ours.check(*tried, None) for tried in TRIED]
    assert verdicts == [trac.test(*tried) for tried in TRIED]
    assert sum(verdicts) == 3


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Any]:
    """A Trac with AccountManager, some users in each kind of file, and some in its database."""
    env = EnvironmentStub(enable=["trac.*", "acct_mgr.*"], path=str(tmp_path))
    owned = [("alice", "Kurs", "two"), ("Alice", "", "one"), ("alice", "Kurs", "one"), ("zoë", "Kurs", "two")]
    write(tmp_path / "digests", *(f"{one[0]}:{one[1]}:{digest(*one)}" for one in owned))
    hashes = f"alice:{sha('one')} alice:{sha('two')} zoë:{slow('three')} carl: Bob:{sha('two')}"
    write(tmp_path / "hashes", *hashes.split())
    write(tmp_path / "plain", "[users]", "zoë: two", "dora = one")
    yield env
    env.reset_db()


@pytest.mark.parametrize(
    ("ini", "admitted"),
    [
        ("password_store=HtPasswdStore", 3),
        ("password_store=HtPasswdStore;[trac]ignore_auth_case=enabled", 4),
        ("password_store=HtDigestStore;htdigest_realm=Kurs", 2),
        ("password_store=HtDigestStore", 1),
        ("password_store=SessionStore", 2),
        ("password_store=SessionStore;db_htdigest_realm=Kurs 1;[trac]ignore_auth_case=true", 4),
        ("password_store=SessionStore;hash_method=HtPasswdHashMethod;db_htpasswd_hash_type=md5", 2),
        ("password_store=SessionStore;hash_method=HtPasswdHashMethod", 2),
        ("password_store=HtPasswdStore, SessionStore", 5),
        ("password_store=SessionStore, HtPasswdStore", 5),
        ("password_store=SvnServePasswordStore;password_file=plain", 2),
        ("password_store=HtPasswdStore,HtDigestStore;htdigest_file=gone/../digests;htdigest_realm=Kurs", 5),
    ],
)
def test_admits_whom_the_plugin_admits(env: Any, ini: str, admitted: int) -> None:
    for option, value in options_of(f"htpasswd_file=hashes;htdigest_file=digests;{ini}").items():
        env.config.set(*option, value)
    acct_mgr.db.SessionStore(env).set_password("alice", "three")
    acct_mgr.db.SessionStore(env).set_password("dora", "four")
    found = stores_from_ini(env.config.get, Path(env.path))
    ours, theirs = Credentials(found.stores, ignore_case=found.ignore_case), acct_mgr.api.AccountManager(env)
    query = "SELECT value FROM session_attribute WHERE authenticated=1 AND name='password' AND sid=%s"
    stored = {name: [*env.db_query(query, (ours.account_name(name),)), (None,)][0][0] for name in NAMES}
    assert [ours.exists(*user) for user in stored.items()] == [theirs.has_user(name) for name in NAMES]
    verdicts = [ours.check(*tried, stored[tried[0]], ":") for tried in TRIED]
    assert verdicts == [bool(theirs.check_password(*tried)) for tried in TRIED]
    assert sum(verdicts) == admitted
