"""The parameters at work: shipped ones, a file's, and those after the file changed."""

from pathlib import Path

import pytest

from learntrac.mastery.parameter_file import Model, load, write
from learntrac.mastery.parameters import HAND_SET, Parameters

OTHER = Parameters(HAND_SET._replace(intercept=0.5), 0.0)


def test_without_a_file_the_shipped_defaults_serve(tmp_path: Path) -> None:
    for model in (Model(), Model(tmp_path / "none.json")):
        assert model.current.parameters == Parameters()
        assert model.current.problem is None
        assert not model.refresh()


def test_a_file_that_changes_is_loaded_and_one_that_goes_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "model.json"
    model = Model(path)

    write(OTHER, path)
    assert model.refresh()
    assert model.current.parameters == OTHER
    assert model.current.digest == load(OTHER).digest != load(Parameters()).digest
    assert not model.refresh()
    assert [file.name for file in path.parent.iterdir()] == ["model.json"]

    path.unlink()
    assert model.refresh()
    assert model.current.parameters == Parameters()


def test_a_file_that_is_damaged_lets_the_defaults_serve_and_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"format": "something else"}')
    model = Model(path)
    model.refresh()

    assert model.current.parameters == Parameters()
    assert str(model.current.problem) == f"{path}: the file: answers is missing"
    said = capsys.readouterr()
    assert (said.out + said.err).count("cannot be used") == 1


def test_what_is_no_file_lets_the_defaults_serve(tmp_path: Path) -> None:
    model = Model(tmp_path)

    assert model.current.parameters == Parameters()
    assert str(tmp_path) in str(model.current.problem)
