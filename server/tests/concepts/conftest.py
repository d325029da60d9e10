"""The small course for tests that sign in often: its passwords are as real, but quick to check."""

import base64
import hashlib

import pytest

from tests.conftest import PASSWORDS, TracCopy


@pytest.fixture
def trac_copy(trac_copy: TracCopy) -> TracCopy:
    """A Trac with the small course, on each database in turn; a third of a second less for each sign-in."""
    lines = [f"{name}:{{SHA}}{_sha1(password)}\n" for name, password in PASSWORDS.items()]
    (trac_copy.folder / "conf" / "htpasswd").write_text("".join(lines))
    return trac_copy


def _sha1(password: str) -> str:
    return base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
