"""What recommendations know of a learner beside the evidence. Times are microseconds since 1970, JSON is text."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class LearningPreference(Base):
    """What a learner's feedback adds up to.

    `difficulty` and `pace` are -1 (easier, slower) to 1; `resource_weights` is JSON {kind of resource: weight}, sum 1.
    """

    __tablename__ = "learning_preference"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    difficulty: Mapped[float]
    pace: Mapped[float]
    resource_weights: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[int] = mapped_column(BigInteger)


class PlacementPrior(Base):
    """What a placement test makes likely: the probability that a concept is known. A weak word, never mastery."""

    __tablename__ = "placement_prior"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    concept_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    probability: Mapped[float]
    at: Mapped[int] = mapped_column(BigInteger)
