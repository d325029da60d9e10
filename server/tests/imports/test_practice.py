"""An Exercism track brings its exercises; what cannot be brought is told with its reason."""

import json
from pathlib import Path
from typing import Any

from learntrac.exercises.definition import check_definition
from learntrac.imports.practice import read_practice
from tests.imports.tiny_track import config, write_track

META = {"files": {"solution": ["knot.py"], "test": ["knot_test.py"], "example": [".meta/example.py"]}}
TESTS = "from knot import tie\n\n\ndef test_it():\n    assert tie() == 'tied'\n"
HINTS = "# Hints\n\n" + "\n".join(f"## {step}\n\n- Do it.\n" for step in ("General", "Tie", "Pull", "Cut", "Burn"))


def files_of(folder: str, meta: Any = META, **changes: str) -> dict[str, str]:
    found = {
        ".meta/config.json": json.dumps(meta),
        "knot.py": "def tie():\n    pass\n",
        "knot_test.py": TESTS,
        ".meta/example.py": "def tie():\n    return 'tied'\n",
    }
    return {f"{folder}/{name}": text for name, text in (found | changes).items()}


def python_track(folder: Path, **files: str) -> Path:
    return write_track(folder, config=config() | {"slug": "python", "language": "Python"}, changes=files)


def test_an_exercise_is_brought_with_all_it_needs(tmp_path: Path) -> None:
    shoelace = files_of("exercises/concept/shoelace", **{".docs/hints.md": HINTS})
    line = files_of(
        "exercises/practice/clothes-line",
        META | {"files": META["files"] | {"editor": ["data.py"]}},
        **{"data.py": "LINES = 3\n", "knot.py": "import threading\n"},
    )

    practice = read_practice(python_track(tmp_path, **shoelace, **line))

    found = {one["id"]: one for one in practice.definitions}
    assert found.keys() == {"python-shoelace", "python-clothes-line"}
    assert found["python-shoelace"] | {"hints": []} == {
        "id": "python-shoelace",
        "concept": "concept:overhand",
        "title": "The Shoelace",
        "type": "coding",
        "language": "python",
        "difficulty": 3.0,
        "estimated_minutes": 30,
        "instructions": "## 1. Tie it\n\nUse both hands.\n",
        "starter": "def tie():\n    pass\n",
        "solution": "def tie():\n    return 'tied'\n",
        "module": "knot",
        "tests": TESTS,
        "hints": [],
    }
    hints = found["python-shoelace"]["hints"]
    assert [hint.partition("\n")[0] for hint in hints] == ["## General", "## Tie", "## Pull", "## Cut"]
    assert "## Burn" in hints[-1]
    assert (found["python-clothes-line"]["concept"], found["python-clothes-line"]["difficulty"]) == (
        "exercise:clothes-line",
        2.3,
    )
    assert found["python-clothes-line"]["files"] == {"data.py": "LINES = 3\n"}
    assert found["python-clothes-line"]["threads"]
    for one in found.values():
        check_definition(one | {"concept": 1})


def test_what_cannot_be_brought_is_told(tmp_path: Path) -> None:
    two_tests = META | {"files": META["files"] | {"test": ["a_test.py", "b_test.py"]}}
    shoelace = files_of("exercises/concept/shoelace", two_tests)
    rescue = files_of("exercises/concept/rescue", META | {"files": META["files"] | {"example": [".meta/none.py"]}})

    practice = read_practice(python_track(tmp_path, **shoelace, **rescue))

    assert practice.definitions == ()
    assert practice.notes == (
        "Exercise The Shoelace has 2 test files instead of one: its text alone was brought.",
        "Exercise Rescue at Sea names a file .meta/none.py that is not there: its text alone was brought.",
        "Exercise Clothes Line does not say which its files are: its text alone was brought.",
        "Exercise Free Hand does not say which its files are: its text alone was brought.",
    )


def test_a_language_that_is_not_run_here_is_told(tmp_path: Path) -> None:
    knots = read_practice(write_track(tmp_path / "knots"))
    script = read_practice(
        write_track(tmp_path / "script", config=config() | {"slug": "javascript", "language": "JavaScript"})
    )

    assert (knots.definitions, script.definitions) == ((), ())
    assert [one.notes for one in (knots, script)] == [
        (f"The tests of exercises in {language} cannot be run here: their texts alone were brought.",)
        for language in ("Knots", "JavaScript")
    ]
