"""Receivers: other people's servers, which are sent something over HTTP. Nothing they answer or do not answer hurts us.

A name is resolved once, every address that comes of it must be a public one, and the connection goes to that very
address. Redirects are not followed, an answer is cut, and there is a time for all of it. What stands in no settings
never reaches an internal address: loopback, private and link-local networks, and every IPv6 form that carries one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


class NotSent(Exception):
    """Nothing came back: the reason in a few words, which the owner of the receiver may read."""


class AddressRefused(NotSent):
    """The name leads to an address that may not be reached, or the URL to nothing that may be asked."""


@dataclass(frozen=True)
class Replied:
    """What a receiver answered; `body` is its beginning."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
