"""The two files of an environment's `conf` folder that LearnTrac changes: trac.ini and htpasswd."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import bcrypt

_NO_USERNAMES = {"", "anonymous", "authenticated"}


def add_options(ini: Path, section: str, options: Sequence[tuple[str, str]]) -> None:
    """Put options that are not there yet into a section, and leave every other character of the file.

    Trac's own way of saving drops the comments and sorts the rest.
    """
    ini = ini.resolve()
    text = ini.read_bytes().decode()
    end = "\r\n" if "\r\n" in text else "\n"
    added = "".join(f"{end}{option} = {value}" for option, value in options)
    heading = re.search(rf"^\[{re.escape(section)}\][^\r\n]*", text, re.MULTILINE)
    if heading:
        text = text[: heading.end()] + added + text[heading.end() :]
    else:
        text = f"{text.rstrip()}{end}{end}[{section}]{added}{end}"
    _replace(ini, text)


def check_username(username: str) -> None:
    """Raises ValueError for a name that a password file cannot hold or that Trac gives another meaning."""
    if (
        username in _NO_USERNAMES
        or username != username.strip()
        or not username.isprintable()
        or set(":#") & set(username)
    ):
        raise ValueError(f"not a user name: {username!r}")


def set_password(file: Path, username: str, password: str) -> None:
    """Give a user this password, hashed by bcrypt; a file that already says so is not touched.

    The file is made when it is missing, readable by its owner only. Raises ValueError over bcrypt's 72 bytes.
    """
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    hashes = {name: known for name, _, known in (line.partition(":") for line in lines)}
    if _is_password(password, hashes.get(username, "")):
        return
    new = f"{username}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()}"
    others = [line for line in lines if line.partition(":")[0] != username]
    _replace(file, "\n".join([*others, new, ""]))


def _is_password(password: str, known: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode(), known.encode())
    except ValueError:  # no hash, or none of bcrypt's
        return False


def _replace(file: Path, text: str) -> None:
    """Write a file anew at one stroke; one that is there keeps its owner and mode, a new one is private."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(text.encode())
    if file.exists():
        old = file.stat()
        with suppress(PermissionError):
            os.chown(fresh, old.st_uid, old.st_gid)
        fresh.chmod(old.st_mode)
    fresh.replace(file)
