"""Sending one request to a receiver, by httpcore: it lets us say whereto a connection goes."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpcore
import httpx

from learntrac.backends.receivers import AddressRefused, NotSent, Replied
from learntrac.backends.receivers.addresses import Address, Network, is_listed, is_public, parse_address

WHOLE_SECONDS = 10.0
"""For resolving, connecting, sending and the answer together."""
TRUSTED_SECONDS = 60.0
"""The same for the operator's own, which is sent many things at once."""
RESOLVE_SECONDS = 4.0
RESOLVING_AT_ONCE = 64
BODY_BYTES = 4096
"""So much of an answer is read and kept."""
LONGEST_URL = 2048
_NUMBERED_OTHERWISE = (ssl.SSLError, socket.gaierror)
_KEPT_HEADERS, _HEADER_LENGTH = 30, 500

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, as text. Raises OSError where there are none."""


class SystemResolver:
    """The system's resolver, which also reads `127.1`, `0x7f.1` and full-width digits.

    In threads of its own: a name server that hangs holds a thread for as long as it likes.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING_AT_ONCE, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        with suppress(ValueError):
            return [str(ip_address(host))]
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(line[4][0]) for line in found))


def checked_url(url: str) -> httpx.URL:
    """The URL, its host as DNS writes it. Raises AddressRefused for what is no URL of a receiver."""
    try:
        parts, read = urlsplit(url), httpx.URL(url)
        _ = parts.port, read.host, read.raw_host
    except (ValueError, httpx.InvalidURL, UnicodeError) as error:
        raise AddressRefused("this is no URL") from error
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise AddressRefused(f"a URL has at most {LONGEST_URL} characters, and no blanks")
    if read.scheme not in ("https", "http") or not read.host:
        raise AddressRefused("the URL must begin with https://, and name a host")
    if "@" in parts.netloc or parts.fragment:
        raise AddressRefused("the URL must not hold a password or a fragment")
    return read


class _Fixed(httpcore.AsyncNetworkBackend):
    """Connects to one address, whatever the name; TLS still checks the name."""

    def __init__(self, address: str) -> None:
        self._address, self._real = address, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - it has been resolved
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._real.connect_tcp(self._address, port, timeout, local_address, socket_options)


@cache
def _usual_tls() -> ssl.SSLContext:
    """Whom the system trusts: read once, as it takes a while."""
    return httpx.create_ssl_context()


class Receivers:
    """Sends requests. `networks` are internal ones that may be reached all the same, and without TLS."""

    def __init__(
        self,
        *,
        networks: Iterable[Network] = (),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        self._networks, self._resolve = tuple(networks), resolve or SystemResolver()
        self._tls = tls or _usual_tls()
        self._whole_seconds = whole_seconds

    async def check(self, url: str) -> None:
        """Raise AddressRefused for a URL that nothing would be sent to; a name that nobody knows yet may pass."""
        read = checked_url(url)
        try:
            async with asyncio.timeout(RESOLVE_SECONDS / 2):
                await self._find_addresses(read)
        except AddressRefused:
            raise
        except (NotSent, TimeoutError):
            if read.scheme == "http":
                raise AddressRefused("the URL must begin with https://") from None

    async def send(self, url: str, *, headers: Mapping[str, str], content: bytes, is_trusted: bool = False) -> Replied:
        """POST this. Raises NotSent. The operator's own URL `is_trusted`: it may be anywhere."""
        seconds = TRUSTED_SECONDS if is_trusted else self._whole_seconds
        try:
            async with asyncio.timeout(seconds):
                read = checked_url(url)
                addresses = await self._find_addresses(read, is_trusted=is_trusted)
                return await self._post(read, addresses, headers, content)
        except TimeoutError as error:
            raise NotSent(f"no answer within {seconds:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise NotSent(_told(error)) from error

    async def _find_addresses(self, url: httpx.URL, *, is_trusted: bool = False) -> list[Address]:
        """Every address of the name, if each of them may be reached."""
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = [parse_address(text) for text in await self._resolve(url.host, _port(url))]
        except (OSError, UnicodeError, ValueError) as error:
            raise NotSent(f"the name {url.host} cannot be resolved") from error
        if not found:
            raise NotSent(f"the name {url.host} cannot be resolved")
        if not is_trusted:
            self._insist(url, found)
        return found

    def _insist(self, url: httpx.URL, found: Iterable[Address]) -> None:
        for address in found:
            if is_listed(address, self._networks):
                continue
            if not is_public(address):
                raise AddressRefused(f"{url.host} leads to an internal address")
            if url.scheme != "https":
                raise AddressRefused("the URL must begin with https://")

    async def _post(
        self, url: httpx.URL, addresses: Sequence[Address], headers: Mapping[str, str], content: bytes
    ) -> Replied:
        last: Exception | None = None
        for address in addresses:
            try:
                return await self._post_to(url, address, headers, content)
            except httpcore.ConnectError as error:
                last = error
        assert last is not None  # noqa: S101 - there was an address
        raise last

    async def _post_to(self, url: httpx.URL, address: Address, headers: Mapping[str, str], content: bytes) -> Replied:
        sent = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=_port(url), target=url.raw_path)
        backend = _Fixed(str(address))
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend, http2=False) as pool,
            pool.stream("POST", target, headers=sent, content=content) as response,
        ):
            return Replied(response.status, _headers(response.headers), await _beginning(response))


async def _beginning(response: httpcore.Response) -> bytes:
    """The first bytes of an answer; the rest is left where it is."""
    kept = b""
    async for piece in response.aiter_stream():
        kept += piece[: BODY_BYTES - len(kept)]
        if len(kept) >= BODY_BYTES:
            break
    return kept


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    pairs = list(raw)[:_KEPT_HEADERS]
    return {name.decode("latin-1").lower(): value.decode("latin-1")[:_HEADER_LENGTH] for name, value in pairs}


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _told(error: BaseException) -> str:
    """The error in words. The driver's own say little: what the system said stands deepest in its causes."""
    said, cause = str(error) or type(error).__name__, error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, _NUMBERED_OTHERWISE) and cause.errno:
            said = os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return f"the connection failed: {said}"[:300]
