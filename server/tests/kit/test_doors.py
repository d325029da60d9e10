"""What every door keeps to."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from learntrac.kit.clock import utc_now
from learntrac.main import make_api
from tests.conftest import make_settings


def called(dependant: Any) -> Iterator[Callable[..., Any]]:
    """The door's function and all that it depends on."""
    yield dependant.call
    for dependency in dependant.dependencies:
        yield from called(dependency)


def is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def test_nothing_of_a_door_is_handed_to_a_thread(tmp_path: Path) -> None:
    """As FastAPI does with a plain function, which takes longer than what such a function does."""
    doors = [route for route in make_api(make_settings(tmp_path), utc_now).routes if isinstance(route, APIRoute)]

    assert len(doors) > 50
    assert {function for door in doors for function in called(door.dependant) if not is_async(function)} == set()
