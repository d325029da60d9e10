"""The way through a concept: modes, preferences and the minutes there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.concepts.learning_path import Material, Mode, PathStep, plan

TICKET = Material("documentation", "The ticket", "/ticket/1", 4)
PAGE = Material("documentation", "A page", "/wiki/Page", 10)
FILM = Material("video", "A film", "https://example.org/f.mp4", None)
TOOL = Material("link", "A tool", "https://example.org/", None)
OBJECTIVES = ("Name it", "Use it")

MODES: tuple[Mode, ...] = ("guided", "self-paced", "challenge")
kinds = st.sampled_from(["documentation", "video", "link"])
materials = st.builds(
    Material,
    type=kinds,
    title=st.sampled_from("abc"),
    url=st.integers(0, 10**6).map(str),
    minutes=st.none() | st.integers(0, 300),
)
requests = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(MODES),
        "materials": st.lists(materials, max_size=6, unique_by=lambda material: material.url),
        "objectives": st.lists(st.sampled_from(OBJECTIVES), unique=True),
        "estimated_minutes": st.integers(1, 600),
        "preferred": st.lists(kinds | st.just("unheard of"), max_size=3),
    }
)


def path(
    mode: Mode = "guided",
    *,
    commitment: int | None = None,
    preferred: tuple[str, ...] = (),
    objectives: tuple[str, ...] = OBJECTIVES,
    given_materials: tuple[Material, ...] = (FILM, PAGE, TOOL),
) -> list[PathStep]:
    return plan(
        mode=mode,
        ticket=TICKET,
        materials=given_materials,
        objectives=objectives,
        estimated_minutes=60,
        commitment_minutes=commitment,
        preferred=preferred,
    )


def shown(steps: list[PathStep]) -> list[tuple[str, str, int]]:
    return [(step.type, step.material.title, step.minutes) for step in steps]


def test_guided_ends_with_a_look_back_at_the_objectives() -> None:
    # The hour less the page's 10 minutes is shared by the two whose length nobody knows.
    reading = [("watch", "A film", 25), ("read", "A page", 10), ("open", "A tool", 25)]

    assert shown(path("guided")) == [*reading, ("reflect", "The ticket", 12)]
    assert path("guided")[-1].objectives == OBJECTIVES
    assert shown(path("self-paced")) == reading
    assert shown(path("challenge")) == [("check", "The ticket", 12), *reading]


@pytest.mark.parametrize("mode", MODES)
def test_without_objectives_nothing_is_looked_at(mode: Mode) -> None:
    assert shown(path(mode, objectives=())) == shown(path("self-paced"))


def test_without_resources_the_ticket_is_read() -> None:
    assert shown(path("self-paced", given_materials=())) == [("read", "The ticket", 4)]


def test_preferred_kinds_come_first_in_the_order_given() -> None:
    assert [step.material for step in path("self-paced", preferred=("link", "documentation"))] == [TOOL, PAGE, FILM]
    assert [step.material for step in path("self-paced", preferred=("unheard of", "video"))] == [FILM, PAGE, TOOL]
    assert [step.material for step in path("self-paced", preferred=("link", "link", "video"))] == [TOOL, FILM, PAGE]


def test_what_does_not_fit_is_left_out_and_what_fits_after_it_stays() -> None:
    assert shown(path("self-paced", commitment=36)) == [("watch", "A film", 25), ("read", "A page", 10)]
    assert shown(path("self-paced", commitment=50)) == [
        ("watch", "A film", 25),
        ("read", "A page", 10),
    ]
    assert shown(path("guided", commitment=47)) == [
        ("watch", "A film", 25),
        ("read", "A page", 10),
        ("reflect", "The ticket", 12),
    ]
    assert shown(path("challenge", commitment=30)) == [("check", "The ticket", 12), ("read", "A page", 10)]


@given(requests, st.integers(1, 400))
def test_a_commitment_is_kept_but_for_what_there_must_be(request: dict[str, object], minutes: int) -> None:
    whole = plan(ticket=TICKET, commitment_minutes=None, **request)  # type: ignore[arg-type] # by name
    fitting = plan(ticket=TICKET, commitment_minutes=minutes, **request)  # type: ignore[arg-type] # by name

    assert fitting
    assert [step for step in whole if step in fitting] == fitting
    must = [step for step in fitting if step.type == "reflect"] + fitting[:1]
    spent = sum(step.minutes for step in fitting)
    assert spent <= max(minutes, sum(step.minutes for step in must))


@given(requests)
def test_every_resource_is_in_the_whole_path_once(request: dict[str, object]) -> None:
    steps = plan(ticket=TICKET, commitment_minutes=None, **request)  # type: ignore[arg-type] # by name

    reading = [step.material for step in steps if not step.objectives]
    assert sorted(map(repr, reading)) == sorted(map(repr, request["materials"] or [TICKET]))  # type: ignore[call-overload] # a list
    assert all(step.minutes >= 0 for step in steps)
    assert all(step.minutes == step.material.minutes for step in steps if step.material.minutes and not step.objectives)
