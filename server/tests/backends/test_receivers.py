"""Sending to other people's servers: never to an internal address, never longer or more than is good for us."""

import asyncio
import gzip
import ssl
import subprocess
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from learntrac.backends.receivers import AddressRefused, NotSent
from learntrac.backends.receivers.addresses import is_public, parse_address, parse_networks
from learntrac.backends.receivers.sending import BODY_BYTES, Receivers, SystemResolver, checked_url
from tests.webhooks.receiving import NETWORKS, inbox, read_request, reply, serving_raw

INTERNAL = (
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:10::1"),
    *("2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0"),
    *("fec0::1", "ff02::1", "ff0e::1", "4000::1"),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8")
WRITINGS = ("127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "localhost", "0", "[::1]", "[::ffff:7f00:1]")


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_not_public(address: str) -> None:
    assert not is_public(parse_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(parse_address(address))


@pytest.mark.parametrize("host", WRITINGS)
async def test_however_it_is_written_nothing_is_sent_there(host: str) -> None:
    async with inbox() as receiver:
        for scheme in ("http", "https"):
            url = f"{scheme}://{host}:{receiver.port}/"
            with pytest.raises(AddressRefused):
                await Receivers().check(url)
            with pytest.raises(AddressRefused):
                await Receivers().send(url, headers={}, content=b"{}")
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "ftp://example.com/", "//example.com/", "https://a b.com/", "https://example.com/#part"),
        *("https://user@example.com/", "https://example.com:99999/", "https://example.com:x/", "https://[::1/"),
        *("https://xn--/", "https://exa\x00mple.com/", "https://example.com/\n", "https://" + "a" * 2050),
        "https://\uff11\uff12\uff17.0.0.1/",
    ],
)
def test_what_is_no_url_of_a_receiver(url: str) -> None:
    with pytest.raises(AddressRefused):
        checked_url(url)


class Names:
    """A resolver whose answers change: the first one given, then the second."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


async def test_a_name_is_resolved_once_and_that_address_is_connected_to() -> None:
    async with inbox() as receiver:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        receivers = Receivers(networks=parse_networks(["127.0.0.1/32"]), resolve=names)
        replied = await receivers.send(
            f"http://rebinding.example:{receiver.port}/x?y=1", headers={"a": "b"}, content=b"{}"
        )

    assert (replied.status, names.asked) == (204, 1)
    assert receiver.got[0].head == "POST /x?y=1 HTTP/1.1"
    assert receiver.got[0].headers["host"] == f"rebinding.example:{receiver.port}"


async def test_one_internal_address_among_others_is_enough_to_refuse() -> None:
    receivers = Receivers(resolve=Names(["8.8.8.8", "10.0.0.1"]))

    with pytest.raises(AddressRefused, match="leads to an internal address"):
        await receivers.send("https://mixed.example/", headers={}, content=b"")


async def test_a_public_receiver_needs_tls() -> None:
    receivers = Receivers(resolve=Names(["8.8.8.8"]))

    for ask in (
        receivers.check("http://plain.example/"),
        receivers.send("http://plain.example/", headers={}, content=b""),
    ):
        with pytest.raises(AddressRefused, match="https://"):
            await ask


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    async with inbox() as receiver:
        receivers = Receivers(networks=parse_networks(NETWORKS), resolve=Names(["127.0.0.9", "127.0.0.1"]))
        replied = await receivers.send(f"http://two.example:{receiver.port}/", headers={}, content=b"")
        assert replied.status == 204
    with pytest.raises(NotSent, match="the connection failed"):
        await receivers.send(f"http://two.example:{receiver.port}/", headers={}, content=b"")


@pytest.mark.parametrize("answer", [[], ["no address"]])
async def test_a_name_that_nobody_knows(answer: list[str]) -> None:
    receivers = Receivers(resolve=Names(answer))
    await receivers.check("https://unknown.example/")

    with pytest.raises(NotSent, match="cannot be resolved"):
        await receivers.send("https://unknown.example/", headers={}, content=b"")
    with pytest.raises(AddressRefused):
        await receivers.check("http://unknown.example/")


async def test_a_name_server_that_hangs() -> None:
    async def hang(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    receivers = Receivers(resolve=hang, whole_seconds=0.2)
    with pytest.raises(NotSent, match="no answer within"):
        await receivers.send("https://slow.example/", headers={}, content=b"")


async def test_the_systems_resolver_reads_addresses_and_names() -> None:
    resolver = SystemResolver()

    assert await resolver("8.8.8.8", 443) == ["8.8.8.8"]
    assert "127.0.0.1" in await resolver("localhost", 443)
    with pytest.raises(OSError):  # noqa: PT011 - what the system says of it differs
        await resolver("unknown.invalid", 443)


class TestAnswers:
    """What a receiver may do to us."""

    async def send(self, port: int, *, seconds: float = 2) -> tuple[int, int]:
        receivers = Receivers(networks=parse_networks(NETWORKS), whole_seconds=seconds)
        replied = await receivers.send(f"http://127.0.0.1:{port}/", headers={}, content=b"{}")
        return replied.status, len(replied.body)

    async def test_hang(self) -> None:
        async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await asyncio.sleep(60)

        async with serving_raw(hang) as port:
            with pytest.raises(NotSent, match=r"no answer within 0\.3 s"):
                await self.send(port, seconds=0.3)

    async def test_drip(self) -> None:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)

        async with serving_raw(drip) as port:
            with pytest.raises(NotSent, match="no answer within"):
                await self.send(port, seconds=0.4)

    async def test_answer_a_gigabyte(self) -> None:
        sent = 0

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            for _ in range(1024):
                writer.write(b"x" * 1_048_576)
                await writer.drain()
                sent += 1

        async with serving_raw(flood) as port:
            begun = time.monotonic()
            assert await self.send(port) == (200, BODY_BYTES)
        assert time.monotonic() - begun < 2
        assert sent < 100, "the connection was closed"

    async def test_answer_for_ever_in_chunks(self) -> None:
        async def go_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)

        async with serving_raw(go_on) as port:
            with pytest.raises(NotSent, match=r"no answer within 0\.3 s"):
                await self.send(port, seconds=0.3)

    async def test_answer_a_bomb(self) -> None:
        """Nothing is unpacked: what was asked for is `identity`, and what comes is kept as it came."""
        bomb = gzip.compress(b"\0" * 50_000_000)
        async with inbox(reply(200, bomb, Content_Encoding="gzip")) as receiver:
            replied = await Receivers(networks=parse_networks(NETWORKS)).send(receiver.url, headers={}, content=b"")

        assert replied.body == bomb[:BODY_BYTES]

    @pytest.mark.parametrize(
        "garbage", [b"\0\1\2\r\n\r\n", b"HTTP/1.1 999999 ?\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nA" * 9999]
    )
    async def test_answer_garbage(self, garbage: bytes) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(garbage)

        async with serving_raw(answer) as port:
            with pytest.raises(NotSent):
                await self.send(port)

    async def test_headers_without_end_are_cut(self) -> None:
        headers = {f"x_{number}": "y" * 900 for number in range(60)}
        async with inbox(reply(200, b"ok", **headers)) as receiver:
            replied = await Receivers(networks=parse_networks(NETWORKS)).send(receiver.url, headers={}, content=b"")

        assert len(replied.headers) == 30
        assert max(map(len, replied.headers.values())) == 500


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for good.example that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=good.example", "-addext", "subjectAltName=DNS:good.example"]
    subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


async def test_tls_is_verified_by_name(certificate: tuple[Path, Path]) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=certificate[0])
    got = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_request(reader))
        writer.write(reply(200))

    async def send(name: str, tls: ssl.SSLContext | None) -> int:
        receivers = Receivers(networks=parse_networks(NETWORKS), resolve=Names(["127.0.0.1"]), tls=tls)
        return (await receivers.send(f"https://{name}:{port}/", headers={}, content=b"")).status

    async with serving_raw(answer, ssl=server) as port:
        assert await send("good.example", trusting) == 200
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            await send("other.example", trusting)
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            await send("good.example", None)
    assert len(got) == 1


async def test_the_operators_own_receiver_may_be_anywhere() -> None:
    async with inbox() as receiver:
        replied = await Receivers().send(receiver.url, headers={}, content=b"[]", is_trusted=True)

    assert replied.status == 204
    assert ip_address("127.0.0.1") == parse_address("::ffff:127.0.0.1")
