import stat
from pathlib import Path

import bcrypt
import pytest

from learntrac.trac.conf_files import add_options, check_username, set_password


def test_options_join_their_section_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    ini = tmp_path / "trac.ini"
    ini.write_text("# ours\n[trac]\nx = 1\n[ticket-custom]\n; mine\nz = text\n[a]\nb = c\n")
    add_options(ini, "ticket-custom", [("due", "text"), ("due.label", "Due")])
    assert ini.read_text().splitlines() == [
        *("# ours", "[trac]", "x = 1", "[ticket-custom]", "due = text", "due.label = Due"),
        *("; mine", "z = text", "[a]", "b = c"),
    ]


def test_a_section_that_is_missing_is_put_at_the_end(tmp_path: Path) -> None:
    ini = tmp_path / "trac.ini"
    ini.write_bytes(b"[a]\r\nb = c\r\n\r\n")
    add_options(ini, "ticket-custom", [("due", "text")])
    assert ini.read_bytes() == b"[a]\r\nb = c\r\n\r\n[ticket-custom]\r\ndue = text\r\n"


def test_a_changed_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.ini", tmp_path / "trac.ini"
    real.write_text("[a]\nb = c\n")
    real.chmod(0o640)
    link.symlink_to(real)
    add_options(link, "a", [("d", "e")])
    assert link.is_symlink()
    assert real.read_text() == "[a]\nd = e\nb = c\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [real, link]


def test_a_first_password_makes_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    set_password(file, "zoë", "påss:word")
    name, _, known = file.read_text(encoding="utf-8").rstrip("\n").partition(":")
    assert name == "zoë"
    assert bcrypt.checkpw("påss:word".encode(), known.encode())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_password_replaces_that_line_only(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("# staff\nann:{SHA}abc\nbob:$apr1$x$y\n")
    set_password(file, "bob", "new")
    *others, last = file.read_text().splitlines()
    assert others == ["# staff", "ann:{SHA}abc"]
    assert bcrypt.checkpw(b"new", last.removeprefix("bob:").encode())


def test_the_same_password_again_leaves_the_file(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    set_password(file, "bob", "same")
    before = file.read_bytes()
    set_password(file, "bob", "same")
    assert file.read_bytes() == before


def test_a_password_that_bcrypt_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="72 bytes"):
        set_password(tmp_path / "htpasswd", "bob", "x" * 73)


@pytest.mark.parametrize("username", ["", "a:b", "a#b", "a\nb", "\x00", " a", "a ", "anonymous", "authenticated"])
def test_a_name_that_cannot_be(username: str) -> None:
    with pytest.raises(ValueError, match="not a user name"):
        check_username(username)


@pytest.mark.parametrize("username", ["bob", "Bob Smith", "bob@example.org", "zoë", "ADMIN"])
def test_a_name_that_can_be(username: str) -> None:
    check_username(username)
