"""The examples of the guide are exercises as they stand there."""

import re
from pathlib import Path

import pytest

from learntrac.exercises.definition import filled_in
from learntrac.exercises.files import read_folder, write_folder
from tests.contract.servers import ROOT

PAGE = (ROOT / "docs" / "guide" / "writing-exercises.md").read_text()
EXAMPLES = re.findall(r"```yaml exercise\.yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[re.search("title: (.*)", one)[1] for one in EXAMPLES])  # type: ignore[index]
def test_every_example_can_be_read_and_comes_back_as_it_went(example: str, tmp_path: Path) -> None:
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "exercise.yaml").write_text(example)

    definition = read_folder(tmp_path / "example")
    for row in definition.variants or [{}]:
        filled_in(definition, row)

    assert not write_folder(tmp_path / "example", definition)  # it says so already
    assert write_folder(tmp_path / "other" / "example", definition)
    assert read_folder(tmp_path / "other" / "example") == definition
