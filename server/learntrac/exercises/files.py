"""Exercises as plain files: a folder an exercise, named by its id.

    exercise.yaml        what is short: title, concept, cases, questions, rubric
    instructions.md      and each other text in a file of its own, as one writes it: starter.py, solution.py,
                         tests.py, hidden_tests.py, worked_solution.md; further files under files/

Lossless both ways: what is written is what is read, byte for byte. A file that already says the same is not touched,
so that an author's comments stay where they are.
"""

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from learntrac.exercises.definition import LANGUAGES, AnyDefinition, check_definition, plain
from learntrac.kit.errors import LearnTracError

OUTLINE = "exercise.yaml"
_FILES = "files"
_TEXTS = ("instructions", "starter", "solution", "tests", "hidden_tests", "worked_solution")
_CODE = frozenset({"starter", "solution", "tests", "hidden_tests"})
_LARGEST_BYTES = 1024 * 1024


class _Loader(yaml.SafeLoader):
    """YAML without surprises: `on` and `no` are words, dates, times (12:30) and 007 are texts, no key stands twice, and
    nothing refers to another part of the file: what refers to itself has no end.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line: int = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call] # its stub lacks it
            raise ValueError(f"line {line}: references (*name) are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as PyYAML has it
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"line {node.start_mark.line + 1}: {key!r} stands there twice")
        return super().construct_mapping(node, deep)


_TAG = "tag:yaml.org,2002:"
_NUMBERS = {
    f"{_TAG}int": re.compile(r"^[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"),
    f"{_TAG}float": re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?$"),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in found if tag != f"{_TAG}timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first, _found in list(_Loader.yaml_implicit_resolvers.items()):
    if _first in "yYnNoO":
        _Loader.yaml_implicit_resolvers[_first] = [one for one in _found if one[0] != f"{_TAG}bool"]


class _Dumper(yaml.SafeDumper):
    """Lists inside maps are indented, and texts of several lines stand as blocks where that loses nothing."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as PyYAML has it
        return super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML has it
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(char in text for char in _LINE_ENDS):  # PyYAML would write them as they are, and read a line's end
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_LINE_ENDS = "\x85\u2028\u2029"


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    short = all(not isinstance(item, dict | list | str) or (isinstance(item, str) and len(item) < 20) for item in items)
    flow = short and len(items) <= 12 and not any(isinstance(item, str) and "\n" in item for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(list, _represent_list)


def list_folders(folder: Path) -> list[Path]:
    """The exercises in a folder: itself where it is one, else those inside, by name. ValueError where there is none."""
    if (folder / OUTLINE).is_file():
        return [folder]
    found = sorted(file.parent for file in folder.glob(f"*/{OUTLINE}"))
    if not found:
        raise ValueError(f"{folder}: there is no exercise here: no {OUTLINE} in it or in a folder of it.")
    return found


def read_folder(folder: Path, *, concepts: Mapping[str, int] | None = None) -> AnyDefinition:
    """The exercise in a folder. With `concepts` its concepts are named by these keys instead of ticket numbers.

    Raises ValueError, one sentence that names the file and what is wrong.
    """
    file = folder / OUTLINE
    try:
        values = yaml.load(_read(file), Loader=_Loader)  # noqa: S506 - a SafeLoader with less in it
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not valid YAML: {' '.join(str(error).split())}.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: {error}.") from None
    if not isinstance(values, dict):
        raise ValueError(f"{file}: a map is expected, of names and values.")  # noqa: TRY004 - it is the file that is wrong
    values = {"id": folder.name} | values | _texts(folder, values) | _more_files(folder)
    if values["id"] != folder.name:
        raise ValueError(f"{file}: its id is its folder's name, {folder.name}.")
    if concepts is not None:
        values |= _numbered(file, values, concepts)
    try:
        return check_definition(values)
    except ValueError as error:
        raise ValueError(f"{file}: {in_one_line(error)}") from None


def in_one_line(problem: Exception) -> str:
    """What is wrong with a definition, for a person at a terminal."""
    if isinstance(problem, LearnTracError):
        return "; ".join(f"{one.field}: {one.message}" for one in problem.details) or problem.message
    lines = getattr(problem, "errors", None)
    if lines is None:
        return str(problem)
    return "; ".join(
        f"{'.'.join(str(part) for part in line['loc'])}: {line['msg'].removeprefix('Value error, ')}"
        for line in lines()
    )


def _numbered(file: Path, values: dict[str, Any], concepts: Mapping[str, int]) -> dict[str, Any]:
    reading = values.get("suggested_reading", [])
    named = [values.get("concept"), *reading]
    if unknown := [key for key in named if key not in concepts]:
        raise ValueError(f"{file}: there is no concept {unknown[0]!r}.")
    found: dict[str, Any] = {"concept": concepts[str(values["concept"])]}
    return found | ({"suggested_reading": [concepts[key] for key in reading]} if reading else {})


def _texts(folder: Path, values: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name in _TEXTS:
        file = folder / _file_name(name, values)
        if not file.is_file():
            continue
        if name in values:
            raise ValueError(f"{file}: {name} stands in {OUTLINE} as well.")
        found[name] = _read(file)
    return found


def _more_files(folder: Path) -> dict[str, dict[str, str]]:
    inside = sorted(file for file in (folder / _FILES).glob("*") if file.is_file())
    return {_FILES: {file.name: _read(file) for file in inside}} if inside else {}


def _file_name(name: str, values: Mapping[str, Any]) -> str:
    if name in _CODE and values.get("type") in ("coding", "debug"):
        return f"{name}.{LANGUAGES.get(str(values.get('language')), 'txt')}"
    return f"{name}.md"


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise ValueError(f"{file}: it is larger than {_LARGEST_BYTES} bytes.")
        return file.read_bytes().decode()
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file}: it is not UTF-8 text.") from None


def contents(definition: AnyDefinition) -> dict[str, str]:
    """{file: text} of an exercise, by their names inside its folder."""
    values = plain(definition)
    values.pop("id", None)
    values = {name: values[name] for name in ("concept", "title", "type", "language") if name in values} | values
    files = values.pop(_FILES, {})
    found = {}
    for name in _TEXTS:
        if isinstance(values.get(name), str):
            found[_file_name(name, values)] = values.pop(name)
    outline = yaml.dump(values, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return {OUTLINE: outline, **found, **{f"{_FILES}/{name}": text for name, text in files.items()}}


def write_folder(folder: Path, definition: AnyDefinition) -> bool:
    """Write an exercise into a folder of its name; whether anything had to be written.

    Texts that are gone go, and nothing else that lies there.
    """
    if _says_the_same(folder, definition):
        return False
    wanted = contents(definition)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _ours(folder) - wanted.keys():
        (folder / name).unlink()
    for name, text in wanted.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    if (folder / _FILES).is_dir() and not any((folder / _FILES).iterdir()):
        shutil.rmtree(folder / _FILES)
    return True


def _says_the_same(folder: Path, definition: AnyDefinition) -> bool:
    try:
        return plain(read_folder(folder)) == plain(definition) | {"id": folder.name}
    except ValueError:
        return False


def _ours(folder: Path) -> set[str]:
    names = {f"{name}.{ending}" for name in _TEXTS for ending in ("md", *LANGUAGES.values(), "txt")}
    inside = {f"{_FILES}/{file.name}" for file in _inside(folder / _FILES)}
    return {name for name in names if (folder / name).is_file()} | inside


def _inside(folder: Path) -> Iterable[Path]:
    return (file for file in folder.glob("*") if file.is_file())
