"""The way back through an API gateway that holds the clients' sockets and makes an HTTP call of each message.

Where none is configured there is none (`None`): sockets are then served here.
"""

from typing import Protocol


class GatewayDown(Exception):
    """The gateway did not take a message."""


class ConnectionGone(Exception):
    """The gateway has no such connection any more."""


class Gateway(Protocol):
    """What a gateway can do with a connection."""

    name: str

    async def post(self, connection_id: str, message: bytes) -> None:
        """Send one message. Raises ConnectionGone and GatewayDown."""
        ...

    async def close_connection(self, connection_id: str) -> None:
        """End a connection, be it there or not. Raises GatewayDown."""
        ...

    async def close(self) -> None:
        """Give back the sockets of this client."""
        ...
