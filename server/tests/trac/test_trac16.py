import sys
from types import ModuleType

import pytest

from learntrac.trac import trac16


def test_fastapis_multipart_is_not_the_one_trac_means(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ModuleType("multipart")
    monkeypatch.setitem(sys.modules, "multipart", foreign)
    with trac16._without_foreign_multipart(), pytest.raises(ImportError):
        __import__("multipart")
    assert __import__("multipart") is foreign


def test_the_multipart_that_trac_means_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    meant = ModuleType("multipart")
    meant.parse_form_data = print  # type: ignore[attr-defined]  # what Trac calls of it
    monkeypatch.setitem(sys.modules, "multipart", meant)
    with trac16._without_foreign_multipart():
        assert __import__("multipart") is meant


def test_without_any_multipart_there_is_nothing_to_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "multipart", None)
    with trac16._without_foreign_multipart(), pytest.raises(ImportError):
        __import__("multipart")
