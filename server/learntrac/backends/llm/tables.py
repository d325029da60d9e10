"""What was spent on language models."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class AiSpending(Base):
    """Calls, tokens and money in one period, what is reserved for calls under way included.

    `user_id` is whose calls they were, or empty for everybody's together; `period` is a UTC day (2026-01-31) or, for
    everybody's, a month (2026-01) too. `micro_usd` are millionths of a US dollar.
    """

    __tablename__ = "ai_spending"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)
    micro_usd: Mapped[int] = mapped_column(BigInteger)
