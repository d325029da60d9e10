"""Exercises as plain files: lossless both ways, and what is wrong with one is said in a sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learntrac.exercises.definition import (
    AnyDefinition,
    check_definition,
    filled_in,
    plain,
    read_content,
    write_content,
)
from learntrac.exercises.files import contents, list_folders, read_folder, write_folder
from tests.exercises.samples import CODING, DESIGN, QUIZ

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
LINES = st.text(LETTERS, min_size=1, max_size=40)
TEXTS = st.text(LETTERS, min_size=1, max_size=120)
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(LETTERS, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=6), inner, max_size=3),
    max_leaves=4,
)
CASES = st.fixed_dictionaries(
    {"args": st.lists(PLAIN, max_size=3), "expect": PLAIN},
    optional={"name": LINES, "tolerance": st.floats(1e-9, 1e9), "stdin": TEXTS},
)


@st.composite
def definitions(draw: st.DrawFn) -> AnyDefinition:
    """Exercises with every kind of text and value in them."""
    more = {
        name: draw(strategy)
        for name, strategy in {
            "requirements": st.lists(LINES, max_size=3),
            "hints": st.lists(TEXTS, max_size=4),
            "explain": TEXTS,
            "worked_solution": TEXTS,
            "points": st.integers(1, 1000),
        }.items()
        if draw(st.booleans())
    }
    common = {"id": "some-exercise", "title": draw(LINES), "instructions": draw(TEXTS)}
    base: dict[str, Any] = draw(st.sampled_from([QUIZ, DESIGN, CODING])) | more | common
    if base["type"] == "coding":
        base |= {"starter": draw(st.text(LETTERS, max_size=60)), "solution": draw(TEXTS)}
        base |= {"cases": draw(st.lists(CASES, min_size=1, max_size=3))}
        if draw(st.booleans()):
            base |= {"files": {"data.txt": draw(st.text(LETTERS, max_size=30))}}
    return check_definition(base)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(definition=definitions())
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, definition: AnyDefinition) -> None:
    folder = tmp_path_factory.mktemp("exercises") / "some-exercise"

    assert write_folder(folder, definition)
    again = read_folder(folder)

    assert plain(again) == plain(definition)
    assert not write_folder(folder, again)
    on_disk = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert {name: text.encode() for name, text in contents(again).items()} == on_disk
    assert plain(read_content(write_content(definition))) == plain(definition)


def test_texts_have_files_of_their_own_and_what_is_gone_goes(tmp_path: Path) -> None:
    folder = tmp_path / "status-class"
    write_folder(folder, check_definition(CODING | {"files": {"data.csv": "1\r\n"}, "worked_solution": "Divide."}))
    assert sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()) == [
        "exercise.yaml",
        "files/data.csv",
        "instructions.md",
        "solution.py",
        "starter.py",
        "worked_solution.md",
    ]

    write_folder(folder, check_definition(CODING))

    assert sorted(file.name for file in folder.iterdir()) == [
        "exercise.yaml",
        "instructions.md",
        "solution.py",
        "starter.py",
    ]


def test_comments_stay_where_the_exercise_is_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "verbs"
    write_folder(folder, check_definition(QUIZ))
    outline = folder / "exercise.yaml"
    outline.write_text("# why we ask this\n" + outline.read_text())

    assert not write_folder(folder, check_definition(QUIZ))
    assert outline.read_text().startswith("# why")


@pytest.mark.parametrize(
    ("outline", "said"),
    [
        ("title: [", "not valid YAML"),
        ("- a\n- b\n", "a map is expected"),
        ("title: a\ntitle: b\n", "'title' stands there twice"),
        ("type: quiz\n", "concept: Field required"),
        ("id: another\n", "its id is its folder's name"),
        ("instructions: twice\n", "stands in exercise.yaml as well"),
        ("a: &x [*x]\n", "line 1: references (*name) are not read"),
        ("type: quiz\nconcept: 2024-01-01\n", "concept"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, outline: str, said: str) -> None:
    folder = tmp_path / "verbs"
    folder.mkdir()
    (folder / "exercise.yaml").write_text(outline)
    (folder / "instructions.md").write_text("Do it.\n")

    with pytest.raises(ValueError, match=r"verbs/") as raised:
        read_folder(folder)

    assert said in str(raised.value)


def test_yaml_has_no_surprises(tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "exercise.yaml").write_text(
        "concept: 1\ntitle: no\ntype: coding\nlanguage: python\ndifficulty: 1\nestimated_minutes: 1\n"
        "instructions: off\nfunction: f\nsolution: x\ncases: [{args: [yes, 2024-01-01, 1e3, 0o7], expect: true}]\n"
    )
    other = tmp_path / "times"
    other.mkdir()
    (other / "exercise.yaml").write_text(
        (folder / "exercise.yaml")
        .read_text()
        .replace("[yes, 2024-01-01, 1e3, 0o7]", "[12:30, 007, 1_0, -7, 0x1F, 1.5]")
    )

    read = plain(read_folder(folder))

    assert (read["title"], read["instructions"]) == ("no", "off")
    assert read["cases"][0]["args"][:2] == ["yes", "2024-01-01"]
    assert read["cases"][0]["expect"] is True
    assert plain(read_folder(other))["cases"][0]["args"] == ["12:30", "007", "1_0", -7, 31, 1.5]


def test_a_folder_without_exercises_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no exercise\.yaml"):
        list_folders(tmp_path)


def test_placeholders_become_values() -> None:
    definition = check_definition(
        CODING
        | {
            "variants": [{"n": 3, "word": "saw"}],
            "instructions": "Up to {{n}} of {{ word }} and {{unknown}}.",
            "cases": [{"args": ["{{n}}", "a {{n}}"], "expect": {"x": ["{{word}}"]}}],
        }
    )

    filled = plain(filled_in(definition, {"n": 3, "word": "saw"}))

    assert filled["instructions"] == "Up to 3 of saw and {{unknown}}."
    assert filled["cases"][0] == {"args": [3, "a 3"], "expect": {"x": ["saw"]}}
