"""Open voice connections, minutes used, and spoken answers for as long as they are kept. Times are microseconds since
1970.
"""

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from learntrac.kit.db import Base


class VoiceConnection(Base):
    """A socket that is open: `door` is socket or gateway, `sign_in` the session it was opened with.

    It counts until `expires_at`, which whoever serves it moves on; the access token is good until `token_expires_at`.
    """

    __tablename__ = "voice_connection"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    sign_in: Mapped[str] = mapped_column(String(36))
    door: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    token_expires_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("ix_voice_connection_user", "user_id"),
        Index("ix_voice_connection_sign_in", "sign_in"),
        Index("ix_voice_connection_expires", "expires_at"),
    )


class VoiceUsage(Base):
    """How much sound a learner sent on a day (days since 1970, UTC), over all sockets and uploads."""

    __tablename__ = "voice_usage"

    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    milliseconds: Mapped[int] = mapped_column(BigInteger)


class VoiceAudio(Base):
    """A spoken answer. `stored_as` is its name in the object storage, empty where its parts are here."""

    __tablename__ = "voice_audio"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    is_complete: Mapped[bool]
    stored_as: Mapped[str] = mapped_column(String(200))

    __table_args__ = (
        Index("ix_voice_audio_user", "user_id", "created_at"),
        Index("ix_voice_audio_expires", "expires_at"),
    )


class VoiceAudioPart(Base):
    """A piece of a spoken answer, MP3, in the order of `place`."""

    __tablename__ = "voice_audio_part"

    audio_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[str] = mapped_column(String(255))
    mp3: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_voice_audio_part_user", "user_id"),)
