"""The demo course holds together: graph, links and texts; and `read_course` says what is wrong."""

import re
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from learntrac.demo.reading import read_course
from learntrac.trac.course import Course, CourseConcept

COURSE = read_course()

WIKI_LINK = re.compile(r"\[wiki:(\S+) [^]]+\]")
LIST_ITEM = re.compile(r"^ \* (.+)$", re.MULTILINE)

concept_of_the_course = pytest.mark.parametrize("concept", COURSE.concepts, ids=lambda concept: concept.key)


def section(description: str, heading: str) -> list[str]:
    """The items of the list under a heading."""
    _, _, rest = description.partition(f"== {heading} ==\n")
    return LIST_ITEM.findall(rest.partition("\n==")[0])


def depths(course: Course) -> dict[str, int]:
    """How many concepts the longest chain up to each concept has. Raises CycleError on a cycle."""
    prerequisites = {concept.key: concept.prerequisites for concept in course.concepts}
    depth: dict[str, int] = {}
    for key in TopologicalSorter(prerequisites).static_order():
        depth[key] = 1 + max((depth[before] for before in prerequisites[key]), default=0)
    return depth


def test_the_course_has_four_milestones_and_enough_to_learn() -> None:
    names = [milestone.name for milestone in COURSE.milestones]
    assert names == ["Design an API", "Build an API", "Secure an API", "Run an API"]
    assert len(COURSE.components) == 6
    assert len(COURSE.concepts) >= 28
    assert len(COURSE.pages) >= 27


def test_every_milestone_and_component_has_concepts() -> None:
    assert {concept.milestone for concept in COURSE.concepts} == {m.name for m in COURSE.milestones}
    assert {concept.component for concept in COURSE.concepts} == {c.name for c in COURSE.components}


def test_prerequisites_exist_and_make_a_deep_graph_without_cycles() -> None:
    keys = {concept.key for concept in COURSE.concepts}
    assert {key for concept in COURSE.concepts for key in concept.prerequisites} <= keys
    assert max(depths(COURSE).values()) >= 6


def test_one_can_begin_in_several_places_and_at_middle_difficulty() -> None:
    roots = [concept for concept in COURSE.concepts if not concept.prerequisites]
    assert 3 <= len(roots) <= 4
    assert len({root.component for root in roots}) == len(roots)
    assert [root.key for root in roots if root.difficulty == 3.0]


def test_some_prerequisites_lie_in_another_milestone() -> None:
    milestone = {concept.key: concept.milestone for concept in COURSE.concepts}
    assert [c for c in COURSE.concepts if any(milestone[key] != c.milestone for key in c.prerequisites)]


@concept_of_the_course
def test_a_concept_has_sensible_figures(concept: CourseConcept) -> None:
    assert concept.type in {"task", "feature", "enhancement", "defect"}
    assert concept.difficulty is not None
    assert concept.difficulty in {step / 2 for step in range(2, 11)}
    assert concept.estimated_minutes is not None
    assert 20 <= concept.estimated_minutes <= 180
    assert concept.tags
    assert not [tag for tag in concept.tags if re.search(r"[\s,;]", tag)]


@concept_of_the_course
def test_a_concept_has_objectives_and_resources(concept: CourseConcept) -> None:
    resources = section(concept.description, "Resources")
    assert 3 <= len(section(concept.description, "Learning objectives")) <= 5
    assert 1 <= len([resource for resource in resources if WIKI_LINK.fullmatch(resource)]) <= 3
    assert all(resource.startswith("[") and resource.endswith("]") for resource in resources)


def test_recordings_are_called_placeholders() -> None:
    every_description = "".join(concept.description for concept in COURSE.concepts)
    titles = re.findall(r"\[https://videos\.example\.org/[a-z-]+\.mp4 ([^]]+)\]", every_description)
    assert len(titles) == every_description.count(".mp4") >= 6
    assert all(title.startswith("Placeholder recording: ") for title in titles)


def test_every_wiki_link_leads_to_a_page() -> None:
    texts = [concept.description for concept in COURSE.concepts] + [page.text for page in COURSE.pages]
    linked = {name for text in texts for name in WIKI_LINK.findall(text)}
    assert linked <= {page.name for page in COURSE.pages}


def test_every_page_but_the_overview_is_linked_from_a_concept_and_from_the_overview() -> None:
    (overview,) = [page for page in COURSE.pages if page.name == "ApiCourse"]
    rest = {page.name for page in COURSE.pages} - {"ApiCourse"}
    from_concepts = {name for concept in COURSE.concepts for name in WIKI_LINK.findall(concept.description)}
    assert rest == set(WIKI_LINK.findall(overview.text))
    assert rest == from_concepts


def test_the_overview_names_every_milestone() -> None:
    (overview,) = [page for page in COURSE.pages if page.name == "ApiCourse"]
    assert all(f"== {milestone.name} ==" in overview.text for milestone in COURSE.milestones)


def test_pages_are_neither_thin_nor_endless() -> None:
    words = {page.name: len(page.text.split()) for page in COURSE.pages}
    assert not {name: count for name, count in words.items() if not 250 <= count <= 700}


Writer = Callable[..., Path]


@pytest.fixture
def write_course(tmp_path: Path) -> Writer:
    """Writes a small course and returns its folder; `outline` is added to its course.toml."""

    def write(outline: str = "", *, wiki: bytes = b"Text.") -> Path:
        head = 'title = "Small"\n[[milestone]]\nname = "One"\n[[component]]\nname = "http"\n'
        (tmp_path / "concepts").mkdir()
        (tmp_path / "concepts" / "a.wiki").write_bytes(wiki)
        (tmp_path / "course.toml").write_text(head + outline, encoding="utf-8")
        return tmp_path

    return write


def test_a_folder_is_read_into_a_course(write_course: Writer) -> None:
    folder = write_course('[[concept]]\nkey = "a"\ntitle = "A"\nmilestone = "One"\ntags = ["x", "y"]\n')
    (folder / "pages" / "Python").mkdir(parents=True)
    (folder / "pages" / "Python" / "Basics.wiki").write_text("= Basics =", encoding="utf-8")

    course = read_course(folder)

    assert course.title == "Small"
    assert course.concepts == (
        CourseConcept(key="a", title="A", description="Text.", milestone="One", tags=("x", "y")),
    )
    assert [(page.name, page.text) for page in course.pages] == [("Python/Basics", "= Basics =")]


def a_concept(rest: str = "", *, key: str = "a") -> str:
    return f'[[concept]]\nkey = "{key}"\ntitle = "A"\n{rest}\n'


@pytest.mark.parametrize(
    ("outline", "complaint"),
    [
        (a_concept('prerequisites = ["zebra"]'), "course.toml: a: unknown prerequisite 'zebra'"),
        (a_concept('milestone = "Two"'), "course.toml: a: unknown milestone 'Two'"),
        (a_concept('component = "tcp"'), "course.toml: a: unknown component 'tcp'"),
        (a_concept('milestne = "One"'), "course.toml: a: .*milestne"),
        (a_concept(key="b"), "b.wiki: cannot be read"),
        (a_concept() * 2, "course.toml: two concepts have the key a"),
        ('[[concept]]\ntitle = "A"\n', "course.toml: a concept has no key"),
        ('[[concept]]\nkey = "a"\n', "course.toml: a: .*title"),
        ('[[milestone]]\ndescription = "no name"\n', "course.toml: .*no name.*name"),
        ('[concept]\nkey = "a"\n', r"course.toml: concept must be written as \[\[concept\]\] tables"),
        ("title = ", "course.toml: not valid TOML"),
    ],
)
def test_what_is_wrong_with_an_outline_is_said(write_course: Writer, outline: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_course(write_course(outline))


def test_all_wrong_names_are_said_at_once(write_course: Writer) -> None:
    with pytest.raises(ValueError, match="unknown milestone 'Two'; a: unknown component 'tcp'"):
        read_course(write_course(a_concept('milestone = "Two"\ncomponent = "tcp"')))


def test_a_course_needs_a_title(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"course\.toml: there is no title"):
        read_course(tmp_path)


def test_a_folder_without_an_outline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"course\.toml: cannot be read"):
        read_course(tmp_path)


def test_text_that_is_not_utf8_is_refused(write_course: Writer) -> None:
    with pytest.raises(ValueError, match=r"a\.wiki: cannot be read"):
        read_course(write_course(a_concept(), wiki=b"\xff"))
