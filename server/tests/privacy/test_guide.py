"""The guide's page on privacy has every section of an export and every action of the audit log."""

import ast

from learntrac.privacy.sections import SECTIONS
from tests.test_docs import GUIDE, sources, table

PAGE = GUIDE / "privacy.md"


def actions() -> set[str]:
    """The actions that the package records: `record(…, action="…")`, and `whose(…)`, which records a look."""
    return {
        keyword.value.value
        for _, tree in sources()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("record", "whose"))
        for keyword in call.keywords
        if keyword.arg == "action" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }


def test_every_section_is_explained() -> None:
    rows = table(PAGE, "section")

    assert [name.strip("`") for name, _, _ in rows] == [section.name for section in SECTIONS]
    assert all(what and how_long for _, what, how_long in rows)


def test_every_action_is_explained() -> None:
    written = {name.strip("`") for name, *_ in table(PAGE, "action")}

    assert len(written) >= 9
    assert actions() == written
