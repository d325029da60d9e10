"""The documents say what is so: settings, errors, commands, links, the README's commands; and rules of the code."""

import ast
import itertools
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from learntrac.cli import app
from learntrac.config import Settings
from learntrac.demo.history import STUDENTS
from learntrac.demo.reading import read_course
from learntrac.kit.errors import CODES_BY_STATUS
from tests.contract.servers import PASSWORD, ROOT, copied_demo, running

GUIDE = ROOT / "docs" / "guide"
DECISIONS = ROOT / "docs" / "decisions"
PACKAGE = ROOT / "server" / "learntrac"


def tracked(suffix: str = "") -> list[Path]:
    """The files that are in git, or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [file for name in listed if name.endswith(suffix) and (file := ROOT / name).is_file()]


def table(file: Path, first: str) -> list[list[str]]:
    """The rows of the table in a page whose first column is called so."""
    _, _, rest = file.read_text().partition(f"\n| {first} |")
    rows = itertools.takewhile(lambda line: line.startswith("|"), rest.splitlines()[2:])
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip("|"))] for row in rows]


def shown(default: object) -> str:
    """A setting's default as the guide writes it."""
    if default in (None, "", ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_guide_has_every_setting() -> None:
    expected = [
        [f"`LEARNTRAC_{name.upper()}`", shown(field.default), field.description]
        for name, field in Settings.model_fields.items()
    ]

    assert table(GUIDE / "settings.md", "setting") == expected


def test_every_setting_that_is_named_anywhere_exists() -> None:
    known = {f"LEARNTRAC_{name.upper()}" for name in Settings.model_fields}
    known |= {"LEARNTRAC_INSTRUCTOR", "LEARNTRAC_DB_PASSWORD"}  # a right in Trac, and a variable of the compose file
    files = [
        *GUIDE.glob("*.md"),
        ROOT / "README.md",
        *(file for file in (ROOT / "deploy").rglob("*") if file.is_file()),
    ]
    named = {(file.name, name) for file in files for name in re.findall(r"LEARNTRAC_[A-Z0-9_]+", file.read_text())}

    assert [place for place in sorted(named) if place[1] not in known] == []


def test_the_guide_has_every_error() -> None:
    rows = table(GUIDE / "api.md", "status")

    assert {int(status): code.strip("`") for status, code, _ in rows} == CODES_BY_STATUS
    assert all(when for _, _, when in rows)


def commands(command: Any, name: str = "learntrac") -> Iterator[tuple[str, Any]]:
    """(name with its arguments, command) of every command."""
    if hasattr(command, "commands"):
        for part, sub in command.commands.items():
            yield from commands(sub, f"{name} {part}")
    else:
        arguments = [
            param.metavar or param.name.upper() for param in command.params if param.param_type_name == "argument"
        ]
        yield " ".join([name, *arguments]), command


def options(command: Any) -> list[set[str]]:
    """The ways to write each option that is anybody's to write."""
    shown = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
    return [{*param.opts, *param.secondary_opts} for param in shown]


def test_the_guide_has_every_command_with_its_options() -> None:
    rows = {name.strip("`"): what for name, what in table(GUIDE / "commands.md", "command")}
    known = dict(commands(typer.main.get_command(app)))

    assert rows.keys() == known.keys()
    for name, command in known.items():
        written = set(re.findall(r"--[a-z-]+", rows[name]))
        ways = options(command)
        assert all(written & way for way in ways), f"{name}: {ways}"
        assert written <= set().union(*ways), f"{name}: {written}"


def test_the_guide_has_every_target_of_make() -> None:
    rows = {name.strip("`") for name, _ in table(GUIDE / "commands.md", "make")}
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert rows == {f"make {target}" for target in targets}


@pytest.mark.parametrize("file", tracked(".md"), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere(file: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What may stand after `#` for a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_lists_every_decision_by_its_title() -> None:
    pages = sorted(page for page in DECISIONS.glob("*.md") if page.name != "README.md")
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)

    assert listed == [(page.read_text().partition("\n")[0].removeprefix("# "), page.name) for page in pages]


def test_the_guides_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (GUIDE / "README.md").read_text()))

    assert listed == {page.name for page in GUIDE.glob("*.md")} - {"README.md"}


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "server" / "pyproject.toml").read_text())["project"]
    required = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    page = (DECISIONS / "0002-dependencies.md").read_text().lower()
    words = set(re.findall(r"[a-z0-9][a-z0-9-]*", page))

    names = {re.match(r"[A-Za-z0-9-]+", line)[0].lower() for line in required}  # type: ignore[index] # each has a name
    assert names - words == set()


def test_first_steps_counts_right() -> None:
    page = " ".join((GUIDE / "first-steps.md").read_text().split())
    course = read_course()

    assert f'"{course.title}": {len(course.concepts)} concepts in {len(course.milestones)} milestones' in page
    assert len(STUDENTS) == 12
    assert "Twelve students" in page


def readme_block() -> str:
    """The commands under `One screenful of curl`."""
    _, _, rest = (ROOT / "README.md").read_text().partition("## One screenful of curl")
    return rest.partition("```sh\n")[2].partition("```")[0]


@pytest.mark.service("curl")
def test_the_readmes_commands_work_as_printed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    block = readme_block()
    assert "http://127.0.0.1:8001/" in block
    with running("demo", copied_demo(tmp_path_factory, tmp_path / "demo")) as url:
        script = block.replace("http://127.0.0.1:8001", url).replace("the-one-that-was-printed", PASSWORD)
        done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    found, reason, *said, first, second, overall = done.stdout.splitlines()
    assert "idempotent" in found.lower()
    assert reason
    assert "[1]" in " ".join(said), "the tutor names a page of the course"
    assert first == second, "sent twice, it counts once"
    assert '"status":"practicing"' in first
    assert "'completed_concepts':" in overall


MACHINE_PATH = re.compile(rb"(?<![\w./:<-])/(home|root|work|Users)/\w")
REGISTRY = re.compile(
    rb"\b((pypi|npmjs|rubygems)\.org|pythonhosted\.org|npmjs\.com|yarnpkg\.com|(crates|docker|ghcr)\.io)\b"
)


def test_no_file_names_a_machines_folders_or_a_registrys_host() -> None:
    found = []
    for file in tracked():
        content = file.read_bytes()
        found += [(str(file.relative_to(ROOT)), match[0]) for match in MACHINE_PATH.finditer(content)]
        found += [(str(file.relative_to(ROOT)), match[0]) for match in REGISTRY.finditer(content)]

    assert found == []


def sources() -> Iterator[tuple[str, ast.Module]]:
    """(path inside the package, syntax tree) of the package's files; the demo's exercises are not its code."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith("demo/course/"):
            yield name, ast.parse(file.read_text())


def calls(tree: ast.Module) -> set[str]:
    """What is called, as written: `print`, `session.commit`, `datetime.now`."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_the_package_never_prints() -> None:
    assert [name for name, tree in sources() if "print" in calls(tree)] == []


def test_verbs_never_end_a_transaction() -> None:
    services = {name: calls(tree) for name, tree in sources() if name.endswith(("service.py", "queries.py"))}

    assert len(services) >= 5
    ends = [
        (name, call) for name, called in services.items() for call in called if call.endswith((".commit", ".rollback"))
    ]
    assert ends == []


def test_the_clock_is_asked_in_one_place() -> None:
    now = {"datetime.now", "datetime.utcnow", "date.today", "datetime.datetime.now", "datetime.date.today"}

    assert [name for name, tree in sources() if calls(tree) & now] == ["kit/clock.py"]


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in sources() if not ast.get_docstring(tree)] == []
