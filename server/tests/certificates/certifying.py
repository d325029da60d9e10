"""A certificate without the way to it, on an installation that has an address."""

from sqlalchemy import insert

from learntrac.kit.clock import to_micros
from learntrac.schema import METADATA
from tests.conftest import Api

HOME = "https://learn.example.org"


async def certify(api: Api, user_id: str, code: str) -> None:
    """Give somebody a certificate for concept 1 that this code opens."""
    api.parts.settings.public_url = HOME
    now = to_micros(api.clock())
    values = {"user_id": user_id, "kind": "concept", "subject": "1", "prefix": "0123abcd", "code": code}
    values |= {"title": "HTTP messages", "description": "", "full_name": "Alice", "reason": ""}
    numbers = {"is_name_shown": True, "score": 0.9, "threshold": 0.8, "answers": 3, "earned_at": now, "issued_at": now}
    async with api.parts.database.begin() as session:
        await session.execute(insert(METADATA.tables["certificate"]).values(**values, **numbers))
