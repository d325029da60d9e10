"""Evaluating on a log: the files, strictly next-step predictions, and the figures."""

import gzip
import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learntrac.mastery.evaluation import (
    MalformedFile,
    area_under_curve,
    calibration_error,
    evaluate,
    fit,
    judge,
    predict,
    read_log,
    read_parameters,
)
from learntrac.mastery.fitting import Answer, Learner
from learntrac.mastery.fitting import fit as fit_parameters
from learntrac.mastery.parameters import Parameters
from tests.mastery_model.logs import HEADER, logs, make_learners, rows_of, write_log

FITTED = fit_parameters(make_learners(20, seed=1))


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_a_log_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    learners = make_learners(3, seed=1)

    assert read_log(write_log(tmp_path / name, learners)) == learners


def test_more_columns_are_ignored_and_their_order_is_free(tmp_path: Path) -> None:
    path = write(tmp_path, '4,"1,5",7;31;7,u,x,1.5,0', header="order,hint,skill_id,user_id,item_id,timestamp,correct")

    assert read_log(path) == [Learner("u", [Answer("x", ("7", "31"), False, 1)])]


def test_item_skill_and_time_may_be_empty(tmp_path: Path) -> None:
    assert read_log(write(tmp_path, "u,,,1,0,")) == [Learner("u", [Answer("", (), True, 0)])]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (["u,x,s,1,0,", "u,x,s,2,1,"], "line 3: correct: expected 0 or 1, got '2'"),
        (["u,x,s,1,0,", "u,x,s,,1,"], "line 3: correct: expected 0 or 1, got ''"),
        (["u,x,s,1"], "line 2: expected 6 fields, got 4"),
        (["u,x,s,1,0,", ""], "line 3: expected 6 fields, got 0"),
        (["u,x,s,1,first,"], "line 2: order: expected a whole number, got 'first'"),
        (["u,x,s,1,1,", "u,x,s,1,0,"], "line 3: order: 0 after 1"),
        (["u,x,s,1,1,", "u,x,s,1,1,"], "line 3: order: 1 after 1"),
        (["u,x,s,1,0,", "v,x,s,1,0,", "u,x,s,1,1,"], "line 4: user_id: u was there before"),
        ([",x,s,1,0,"], "line 2: user_id: empty"),
        (["u,x,s,1,0,noon"], "line 2: timestamp: expected seconds, got 'noon'"),
        (["u,x,s,1,0,1e30"], "line 2: timestamp: expected seconds"),
        (["u,x,s,1,0,nan"], "line 2: timestamp: expected seconds"),
        (["u,x,s,1,0,", 'u,"x,s,1,1,'], "line 4: unexpected end of data"),
    ],
)
def test_a_malformed_log_names_the_line(tmp_path: Path, rows: list[str], fault: str) -> None:
    path = write(tmp_path, *rows)

    with pytest.raises(MalformedFile, match=fault) as caught:
        read_log(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


@given(logs.filter(rows_of), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whichever_row_is_damaged_is_the_one_that_is_named(
    tmp_path: Path, learners: list[Learner], data: st.DataObject
) -> None:
    rows = rows_of(learners)
    place = data.draw(st.integers(0, len(rows) - 1))
    rows[place] = data.draw(st.sampled_from(["", ",x,s,1,0,", "u,x,s,7,0,", "u,x,s,1,?,", "u,x,s,1,0,,"]))

    with pytest.raises(MalformedFile, match=f"line {place + 2}: "):
        read_log(write(tmp_path, *rows))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "line 1: the column user_id is missing"),
        (b"user_id,item_id\n", "line 1: the column skill_id is missing"),
        (f"{HEADER}\nu,x,s,1,0,\nu,\xff,s,1,1,\n".encode("latin-1"), "line 3: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "log.csv").write_bytes(content)

    with pytest.raises(MalformedFile, match=fault):
        read_log(tmp_path / "log.csv")


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert read_log(write(tmp_path, "u,x,s,1,0,", header="\ufeff" + HEADER)) == [
        Learner("u", [Answer("x", ("s",), True, 0)])
    ]


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(HEADER.encode() + b"\nu,x,s,1,0,\n" * 9, mtime=0)[:-12]])
def test_a_broken_gzip_file_names_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.csv.gz").write_bytes(content)

    with pytest.raises(MalformedFile, match="line "):
        read_log(tmp_path / "log.csv.gz")


def test_predictions_are_a_line_a_row_in_order(tmp_path: Path) -> None:
    learners = make_learners(3, seed=2)
    test = write_log(tmp_path / "test.csv", learners)

    made = evaluate(test=test, out=tmp_path / "preds.csv", stats=tmp_path / "stats.json")

    header, *lines = (tmp_path / "preds.csv").read_text().splitlines()
    assert header == "row,p"
    assert [int(line.split(",")[0]) for line in lines] == list(range(120))
    assert [float(line.split(",")[1]) for line in lines] == pytest.approx(predict(Parameters(), learners), abs=1e-8)
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert (stats["rows"], stats["students"], stats["fit_s"]) == (120, 3, 0)
    assert stats["predict_us_per_row"] == made.predict_us_per_row > 0
    assert stats["auc"] == made.figures.auc


def test_a_log_without_answers_is_predicted_too(tmp_path: Path) -> None:
    made = evaluate(test=write(tmp_path), train=write(tmp_path), out=tmp_path / "preds.csv")

    assert (tmp_path / "preds.csv").read_text() == "row,p\n"
    assert (made.rows, made.figures.auc, made.predict_us_per_row) == (0, None, 0)


def test_learning_first_and_keeping_the_file_are_the_same(tmp_path: Path) -> None:
    train = write_log(tmp_path / "train.csv.gz", make_learners(20, seed=1))
    test = write_log(tmp_path / "test.csv.gz", make_learners(5, seed=2))
    told: list[str] = []

    kept = fit(train=train, out=tmp_path / "model.json", seed=3)
    evaluate(test=test, model=tmp_path / "model.json", out=tmp_path / "kept.csv")
    for name in ("once.csv", "again.csv"):
        evaluate(test=test, train=train, out=tmp_path / name, seed=3, progress=lambda stage, *_: told.append(stage))

    assert (kept.rows, kept.students) == (800, 20)
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "kept.csv").read_bytes()
    assert list(dict.fromkeys(told)) == ["counting", "tracing", "fitting", "predicting"]


def test_a_log_to_learn_from_and_a_parameter_file_exclude_each_other(tmp_path: Path) -> None:
    path = write(tmp_path)

    with pytest.raises(ValueError, match="exclude each other"):
        evaluate(test=path, train=path, model=path, out=tmp_path / "preds.csv")


def test_a_malformed_parameter_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"format": 1}')

    with pytest.raises(MalformedFile, match=r"model\.json: the file: answers is missing"):
        read_parameters(tmp_path / "model.json")


@given(logs, st.data())
def test_no_prediction_moves_when_the_future_changes(learners: list[Learner], data: st.DataObject) -> None:
    """From a place on every answer is inverted and a learner's later ones are shuffled: what came before stays."""
    known = data.draw(st.sampled_from([Parameters(), FITTED]))
    rows = sum(len(learner.answers) for learner in learners)
    place = data.draw(st.integers(0, rows))
    seen, changed = 0, []
    for learner in learners:
        kept = max(0, place - seen)
        future = data.draw(st.permutations(learner.answers[kept + 1 :]))
        inverted = [answer._replace(correct=not answer.correct) for answer in learner.answers[kept : kept + 1] + future]
        changed.append(Learner(learner.name, learner.answers[:kept] + inverted))
        seen += len(learner.answers)

    assert predict(known, changed)[: place + 1] == predict(known, learners)[: place + 1]


@given(logs)
def test_learners_do_not_touch_each_other(learners: list[Learner]) -> None:
    alone = [share for learner in learners for share in predict(FITTED, [learner])]

    assert predict(FITTED, learners) == alone


pairs_of_both = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), st.booleans()), max_size=30)


@given(pairs_of_both)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(pairs: list[tuple[float, bool]]) -> None:
    rights, wrongs = [p for p, outcome in pairs if outcome], [p for p, outcome in pairs if not outcome]
    won = [1 if right > wrong else 0.5 if right == wrong else 0 for right in rights for wrong in wrongs]

    assert area_under_curve(pairs) == (pytest.approx(sum(won) / len(won)) if won else None)


def test_calibration_is_the_distance_within_a_group() -> None:
    groups = [("a", (0.9, True)), ("a", (0.9, False)), ("b", (0.5, True)), ("b", (0.5, False))]

    assert calibration_error(groups) == pytest.approx((0.8 + 0) / 4)
    assert calibration_error([]) is None


def test_the_figures_of_an_example() -> None:
    learner = Learner("u", [Answer("x", ("s", "t"), True, 0), Answer("y", ("s",), False, 0)])

    figures = judge([0.8, 0.4], [learner])

    assert asdict(figures) == pytest.approx(
        {
            "auc": 1,
            "rmse": math.sqrt((0.04 + 0.16) / 2),
            "ece": (0.2 + 0.4) / 2,
            "skill_ece": (0.2 + 0.2) / 3,
            "log_loss": -(math.log(0.8) + math.log(0.6)) / 2,
            "accuracy": 1,
        }
    )
