"""Changes of a test's Trac while the API runs over it: by Trac 1.6's own API, or by SQL behind its back.

Both run in a thread: SQLite's reader needs the event loop to let go of the file.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from learntrac.trac.trac16 import Component, Environment, Milestone, Ticket, WikiPage
from tests.conftest import Api, TracCopy

__all__ = ["Component", "Milestone", "Ticket", "WikiPage", "by_sql", "by_trac", "detail", "shows", "titles"]


async def by_trac(trac: TracCopy, change: Callable[[Any], object]) -> None:
    """Make a change with Trac's environment object, as a Trac that was started anew would."""
    await asyncio.to_thread(_change, trac, change)


def _change(trac: TracCopy, change: Callable[[Any], object]) -> None:
    env = Environment(str(trac.folder))
    try:
        change(env)
    finally:
        env.shutdown()


async def by_sql(trac: TracCopy, *statements: str | tuple[object, ...]) -> None:
    """Run statements in Trac's database; one with parameters is a tuple of the statement and these."""
    for statement in statements:
        sql, *values = (statement,) if isinstance(statement, str) else statement
        await asyncio.to_thread(trac.execute, str(sql), *values)


async def detail(api: Api, concept_id: int) -> Any:
    """A concept as anybody sees it."""
    answer = await api.anybody.get(f"/concepts/{concept_id}")
    assert answer.status == 200, answer.body
    return answer.body


async def titles(api: Api, **filters: Any) -> list[str]:
    """The titles that the list shows to anybody."""
    answer = await api.anybody.get("/concepts", limit=100, **filters)
    assert answer.status == 200, answer.body
    return [concept["title"] for concept in answer["concepts"]]


async def shows(api: Api, concept_id: int, **expected: Any) -> bool:
    """Whether both the detail and the list show a concept with these values; prerequisites as their ids."""
    answer = await api.anybody.get(f"/concepts/{concept_id}")
    if answer.status != 200:
        return False
    listed = {item["id"]: item for item in (await api.anybody.get("/concepts", limit=100))["concepts"]}
    found = answer.body | {"prerequisites": [item["id"] for item in answer["prerequisites"]]}
    in_list = listed.get(concept_id, {})
    return all(
        found[name] == value and (name not in in_list or in_list[name] == value) for name, value in expected.items()
    )
