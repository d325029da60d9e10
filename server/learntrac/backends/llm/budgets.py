"""The ceilings of what may be spent, counted in SQL before a call is sent.

A call reserves the most it can take, in one transaction over all ceilings, and gives back what it did not take when it
has ended. Whoever dies in between leaves the reservation standing: what the call took, nobody knows. So the sums hold
over all processes, and without Redis.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.backends.llm import BudgetSpent
from learntrac.backends.llm.tables import AiSpending
from learntrac.kit.clock import Clock
from learntrac.kit.db import Database

EVERYBODY = ""
USER_DAY, DAY, MONTH = "user_day", "day", "month"
KEPT_DAYS = 400
NO_LIMIT = 2**62

# A row that is over its ceiling is not touched, and then nothing comes back. The first call of a period cannot be over
# by what is there: it is looked at before.
_RESERVE = text(
    "INSERT INTO ai_spending (user_id, period, calls, tokens, micro_usd)"
    " VALUES (:user_id, :period, 1, :tokens, :micro_usd)"
    " ON CONFLICT (user_id, period) DO UPDATE SET calls = ai_spending.calls + 1,"
    " tokens = ai_spending.tokens + excluded.tokens, micro_usd = ai_spending.micro_usd + excluded.micro_usd"
    " WHERE ai_spending.tokens + excluded.tokens <= :most_tokens"
    " AND ai_spending.micro_usd + excluded.micro_usd <= :most_micro_usd"
    " RETURNING calls"
)
_SETTLE = text(
    "UPDATE ai_spending SET tokens = tokens + :tokens, micro_usd = micro_usd + :micro_usd, calls = calls + :calls"
    " WHERE user_id = :user_id AND period = :period"
)
_SPENT = text("SELECT calls, tokens, micro_usd FROM ai_spending WHERE user_id = :user_id AND period = :period")


@dataclass(frozen=True)
class Ceilings:
    """The most that may be spent: millionths of a US dollar by a user in a day, by all in a day and in a month; and
    tokens by a user in a day, which hold where a model costs nothing too.
    """

    user_day: int
    day: int
    month: int
    user_day_tokens: int


@dataclass(frozen=True)
class Spent:
    """What was spent in a period, reservations included."""

    calls: int = 0
    tokens: int = 0
    micro_usd: int = 0


@dataclass(frozen=True)
class Reservation:
    """What a call may take at most, and where it is counted."""

    rows: tuple[tuple[str, str], ...]
    tokens: int
    micro_usd: int


class Budgets:
    """Reserves before a call and settles after it; each is a short transaction of its own."""

    def __init__(self, database: Database, clock: Clock, ceilings: Ceilings) -> None:
        self._database, self._clock, self.ceilings = database, clock, ceilings

    async def reserve(self, user_id: str | None, *, tokens: int, micro_usd: int) -> Reservation:
        """Count a call against every ceiling, or against none. Raises BudgetSpent."""
        now, most = self._clock(), self.ceilings
        counted = [
            (MONTH, EVERYBODY, _month(now), most.month, NO_LIMIT),
            (DAY, EVERYBODY, _day(now), most.day, NO_LIMIT),
        ]
        if user_id:
            counted.append((USER_DAY, user_id, _day(now), most.user_day, most.user_day_tokens))
        async with self._database.begin() as session:
            # Everybody in this order: two that wait for each other's rows would both wait for ever.
            for name, whose, period, most_micro_usd, most_tokens in counted:
                row = {"user_id": whose, "period": period, "tokens": tokens, "micro_usd": micro_usd}
                await _count(session, name, row, most_micro_usd=most_micro_usd, most_tokens=most_tokens)
        return Reservation(tuple((whose, period) for _, whose, period, _, _ in counted), tokens, micro_usd)

    async def settle(self, reservation: Reservation, *, tokens: int, micro_usd: int) -> None:
        """Count what the call took instead of what was reserved for it."""
        await self._change(reservation, tokens=tokens - reservation.tokens, micro_usd=micro_usd - reservation.micro_usd)

    async def release(self, reservation: Reservation) -> None:
        """Count nothing: the provider refused, or was never reached."""
        await self._change(reservation, tokens=-reservation.tokens, micro_usd=-reservation.micro_usd, calls=-1)

    async def _change(self, reservation: Reservation, *, tokens: int, micro_usd: int, calls: int = 0) -> None:
        change = {"tokens": tokens, "micro_usd": micro_usd, "calls": calls}
        async with self._database.begin() as session:
            for user_id, period in reservation.rows:
                await session.execute(_SETTLE, {"user_id": user_id, "period": period, **change})

    async def today(self, user_id: str = EVERYBODY) -> Spent:
        """What was spent today, by one user or by everybody."""
        return await self._spent(user_id, _day(self._clock()))

    async def this_month(self) -> Spent:
        """What everybody spent this month."""
        return await self._spent(EVERYBODY, _month(self._clock()))

    async def _spent(self, user_id: str, period: str) -> Spent:
        async with self._database.read() as session:
            row = (await session.execute(_SPENT, {"user_id": user_id, "period": period})).one_or_none()
        return Spent() if row is None else Spent(*row)


async def _count(
    session: AsyncSession, ceiling: str, row: dict[str, object], *, most_micro_usd: int, most_tokens: int
) -> None:
    fits_alone = row["micro_usd"] <= most_micro_usd and row["tokens"] <= most_tokens  # type: ignore[operator]
    limits = {"most_micro_usd": most_micro_usd, "most_tokens": most_tokens}
    if not fits_alone or (await session.execute(_RESERVE, {**row, **limits})).first() is None:
        raise BudgetSpent(ceiling)


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Forget what was spent longer ago than anybody reports on."""
    await session.execute(delete(AiSpending).where(AiSpending.period < _day(now - timedelta(days=KEPT_DAYS))))


def _day(now: datetime) -> str:
    return now.strftime("%Y-%m-%d")


def _month(now: datetime) -> str:
    return now.strftime("%Y-%m")
