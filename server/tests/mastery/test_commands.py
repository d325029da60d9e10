"""`learntrac mastery …`: the contract of the command line, and the installation's own log."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from learntrac import cli
from learntrac.mastery.own_log import is_held_out
from tests.mastery.test_own_log import ADD, course
from tests.mastery_model.logs import make_learners, write_log

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def learntrac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process: (exit code, output, errors)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["learntrac", "mastery", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return int(code or 0), said.out, said.err  # type: ignore[call-overload] # the commands end with numbers

    return run


@pytest.fixture
def train(tmp_path: Path) -> Path:
    return write_log(tmp_path / "train.csv.gz", make_learners(20, seed=1))


@pytest.fixture
def test_log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "test.csv", make_learners(5, seed=2))


def test_evaluate_predicts_every_row_and_says_how_well(
    learntrac: Run, tmp_path: Path, train: Path, test_log: Path
) -> None:
    out, stats = tmp_path / "preds.csv", tmp_path / "stats.json"

    said = learntrac("evaluate", "--train", train, "--test", test_log, "--out", out, "--seed", 3, "--stats", stats)

    assert said == (0, "", "")
    header, *lines = out.read_text().splitlines()
    assert header == "row,p"
    assert [line.partition(",")[0] for line in lines] == [str(row) for row in range(5 * 40)]
    found = json.loads(stats.read_text())
    assert (found["rows"], found["students"]) == (200, 5)
    assert 0.5 < found["auc"] < 1


def test_without_a_file_the_figures_go_to_standard_error(learntrac: Run, tmp_path: Path, test_log: Path) -> None:
    code, out, err = learntrac("evaluate", "--test", test_log, "--out", tmp_path / "preds.csv")

    assert (code, out) == (0, "")
    assert json.loads(err)["fit_s"] == 0


def test_what_was_fitted_predicts_as_if_it_had_just_been_learned(
    learntrac: Run, tmp_path: Path, train: Path, test_log: Path
) -> None:
    model, one, other = tmp_path / "model.json", tmp_path / "one.csv", tmp_path / "other.csv"

    assert learntrac("fit", "--train", train, "--out", model)[0] == 0
    learntrac("evaluate", "--model", model, "--test", test_log, "--out", one)
    learntrac("evaluate", "--train", train, "--test", test_log, "--out", other)

    assert one.read_bytes() == other.read_bytes()


def test_a_malformed_file_ends_with_2_and_names_the_line(learntrac: Run, tmp_path: Path, test_log: Path) -> None:
    test_log.write_text(test_log.read_text() + "u,x,s,maybe,0,\n")
    model = tmp_path / "model.json"
    model.write_text("{}")

    code, _, err = learntrac("evaluate", "--test", test_log, "--out", tmp_path / "preds.csv")
    assert (code, err) == (2, f"learntrac: {test_log}: line 202: correct: expected 0 or 1, got 'maybe'\n")
    code, _, err = learntrac("fit", "--train", test_log, "--out", model)
    assert code == 2
    code, _, err = learntrac("evaluate", "--model", model, "--test", test_log, "--out", tmp_path / "preds.csv")
    assert (code, err.startswith(f"learntrac: {model}: ")) == (2, True)


def test_one_of_two_options_is_no_order(learntrac: Run, train: Path) -> None:
    code, _, err = learntrac("fit", "--train", train)

    assert (code, "--train and --out belong together" in err) == (1, True)


@pytest.fixture
def trac(sqlite_template: Path, tmp_path: Path) -> Path:
    shutil.copytree(sqlite_template, tmp_path / "trac")
    return tmp_path / "trac"


def test_the_installations_own_log_is_fitted_when_there_is_enough(
    learntrac: Run, trac: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = learntrac("fit", "--trac-env", trac)
    assert (code, out) == (
        0,
        "0 answers of 0 learners.\nToo few to learn from: it takes 1000 answers of 20 learners.\n",
    )
    with sqlite3.connect(trac / "db" / "learntrac.db") as connection:
        connection.executemany(str(ADD), course(30, 40))
    connection.close()

    code, out, _ = learntrac("fit", "--trac-env", trac)

    assert code == 0
    first, _, auc, ece, loss, last = out.splitlines()
    assert first == "1200 answers of 30 learners."
    assert [line.split()[0] for line in (auc, ece, loss)] == ["AUC", "ECE", "log"]
    file = trac / "db" / "learntrac-model.json"
    assert last == f"{file} is written, and the scores of 30 learners are made anew."

    file.write_text("nonsense")
    monkeypatch.setattr(sys, "argv", ["learntrac", "doctor", "--trac-env", str(trac)])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().out
    assert "the shipped defaults serve" in said
    assert said.count(str(file)) == 1


def test_a_fit_that_is_worse_is_told_and_not_taken_up(learntrac: Run, trac: Path) -> None:
    learntrac("fit", "--trac-env", trac)
    with sqlite3.connect(trac / "db" / "learntrac.db") as connection:
        connection.executemany(str(ADD), course(30, 40))
        connection.create_function("held_out", 1, is_held_out)
        connection.execute("UPDATE evidence SET outcome = 1 - outcome WHERE NOT held_out(user_id)")
    connection.close()

    _, out, _ = learntrac("fit", "--trac-env", trac)

    assert out.endswith("That is worse: the parameters stay as they are.\n")
    assert not (trac / "db" / "learntrac-model.json").exists()
