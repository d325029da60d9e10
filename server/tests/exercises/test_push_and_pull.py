"""`learntrac exercises push|pull DIR` as they are typed: what one folder pushed, another pulls, whole."""

from pathlib import Path

import pytest
import yaml

from learntrac.exercises.definition import check_definition
from learntrac.exercises.files import read_folder, write_folder
from tests.commands import Learntrac, typed
from tests.conftest import TracCopy
from tests.exercises.samples import CODING, DESIGN, QUIZ

VARIED = CODING | {
    "id": "limit",
    "function": "allowed",
    "requirements": ["No tricks", "é, “quoted”, no: yes"],
    "worked_solution": "Think.\n\n    indented\n",
    "explain": "Why?",
    "files": {"data.txt": "a\tb\r\nc \n"},
    "variants": [{"limit": 5, "over": 6}, {"limit": 8, "over": 9}],
    "starter": "def allowed(n):\n    return n\n",
    "solution": "def allowed(n):\n    return n <= {{limit}}\n",
    "cases": [{"args": ["{{limit}}"], "expect": True}, {"args": ["{{over}}"], "expect": False, "hidden": True}],
}
ALL = (QUIZ, DESIGN, CODING, VARIED)


@pytest.fixture
def learntrac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Learntrac:
    return typed(monkeypatch, capsys)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_pushed_comes_back_as_it_was(trac_copy: TracCopy, learntrac: Learntrac, tmp_path: Path) -> None:
    written, pulled, env = tmp_path / "written", tmp_path / "pulled", ("--trac-env", trac_copy.folder)
    for one in ALL:
        write_folder(written / one["id"], check_definition(one))
    before = files(written)

    checked = learntrac("exercises", "push", written, *env, "--check")
    pushed = learntrac("exercises", "push", written, *env)
    again = learntrac("exercises", "push", written, *env)
    fetched = learntrac("exercises", "pull", pulled, *env)
    untouched = learntrac("exercises", "pull", written, *env)

    assert (checked.code, pushed.code, again.code, fetched.code) == (0, 0, 0, 0), (checked, pushed, again, fetched)
    assert "4 new, 0 changed, 0 as they were, 0 refused" in pushed.out
    assert "0 new, 0 changed, 4 as they were, 0 refused" in again.out
    assert "4 written, 0 as they were" in fetched.out
    assert "0 written, 4 as they were" in untouched.out
    assert files(written) == before
    assert files(pulled) == before
    for one in ALL:
        assert read_folder(pulled / one["id"]) == check_definition(one)


def test_a_change_made_in_a_file_comes_back_too(trac_copy: TracCopy, learntrac: Learntrac, tmp_path: Path) -> None:
    folder, env = tmp_path / "all", ("--trac-env", trac_copy.folder)
    write_folder(folder / "verbs", check_definition(QUIZ))
    assert learntrac("exercises", "push", folder, *env).code == 0
    file = folder / "verbs" / "exercise.yaml"
    file.write_text("# A comment stays.\n" + file.read_text().replace("Which verb?", "Which one?"))
    (folder / "broken").mkdir()
    (folder / "broken" / "exercise.yaml").write_text("title: [\n")

    pushed = learntrac("exercises", "push", folder, *env)
    pulled = learntrac("exercises", "pull", folder, *env)

    assert pushed.code == 1
    assert "! broken: " in pushed.out
    assert "0 new, 1 changed, 0 as they were, 1 refused" in pushed.out
    assert "0 written, 1 as they were" in pulled.out
    assert file.read_text().startswith("# A comment stays.\n")
    assert yaml.safe_load(file.read_text())["title"] == "Which one?"
