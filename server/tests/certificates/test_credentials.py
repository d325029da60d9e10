"""Open Badges: what is downloaded is verified here by other hands than those that signed it."""

import base64
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from learntrac.certificates import credentials
from learntrac.certificates.credentials import Award, Issuer, Key, NotVerified, multibase
from learntrac.certificates.keys import make_key
from learntrac.kit.sealing import Sealer
from tests.certificates.certifying import HOME, certify
from tests.conftest import SECRET, Api, TracCopy, serving

CODE = "abcdefghijklmnopqrstuvwxyz"
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@pytest.fixture
async def home(trac_copy: TracCopy) -> AsyncIterator[Api]:
    """An installation with an address and a certificate of alice's, on each database in turn."""
    async with serving(trac_copy, public_url=HOME) as running:
        await certify(running, "alice", CODE)
        yield running


async def fetch(api: Api, path: str) -> Any:
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers["content-type"] or path.count(".jwt") == 0 else answer.text


def decoded(written: str) -> bytes:
    """Base 58 by the book."""
    number = 0
    for letter in written.removeprefix("z"):
        number = number * 58 + ALPHABET.index(letter)
    return number.to_bytes((number.bit_length() + 7) // 8)


def verified_by_hand(document: dict[str, Any], did: dict[str, Any]) -> None:
    """The W3C's text on eddsa-jcs-2022, step by step, with json and cryptography alone. Raises InvalidSignature."""
    proof = dict(document["proof"])
    signature = decoded(proof.pop("proofValue"))
    content = {name: value for name, value in document.items() if name != "proof"}

    def digest(value: Any) -> bytes:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).digest()

    [method] = [one for one in did["verificationMethod"] if one["id"] == proof["verificationMethod"]]
    key = decoded(method["publicKeyMultibase"])
    assert key[:2] == b"\xed\x01"
    Ed25519PublicKey.from_public_bytes(key[2:]).verify(signature, digest(proof) + digest(content))


async def test_it_is_an_open_badge(home: Api) -> None:
    badge = await fetch(home, f"/certificates/{CODE}.json")

    assert badge["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert badge["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert badge["issuer"]["id"] == "did:web:learn.example.org:certificates"
    assert badge["id"] == f"{HOME}/certificates/{CODE}"
    subject = badge["credentialSubject"]
    assert subject["identifier"][0]["identityHash"] == "Alice"
    assert subject["achievement"]["name"] == "HTTP messages"
    assert "3 graded answers" in subject["achievement"]["criteria"]["narrative"]
    assert badge["credentialStatus"]["statusListIndex"] == "0"


async def test_its_proof_holds_and_nothing_in_it_can_be_changed(home: Api) -> None:
    badge, did = await fetch(home, f"/certificates/{CODE}.json"), await fetch(home, "/certificates/did.json")

    verified_by_hand(badge, did)
    credentials.verify(badge, did)
    forged = json.loads(json.dumps(badge).replace("Alice", "Mallory"))
    with pytest.raises(InvalidSignature):
        verified_by_hand(forged, did)
    with pytest.raises(NotVerified):
        credentials.verify(forged, did)


async def test_as_a_jwt_it_is_verified_by_pyjwt(home: Api) -> None:
    answer = await home.client.get(f"/certificates/{CODE}.jwt")
    did = await fetch(home, "/certificates/did.json")
    kid = jwt.get_unverified_header(answer.text)["kid"]
    [method] = [one for one in did["verificationMethod"] if one["id"] == kid]

    claims = jwt.decode(answer.text, jwt.PyJWK(method["publicKeyJwk"]), algorithms=["EdDSA"])
    assert claims["iss"] == did["id"]
    assert claims["credentialSubject"]["achievement"]["name"] == "HTTP messages"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(answer.text[:-4] + "AAAA", jwt.PyJWK(method["publicKeyJwk"]), algorithms=["EdDSA"])


async def test_a_revoked_one_stands_in_the_signed_list(home: Api) -> None:
    await certify(home, "bob", CODE[::-1].replace("z", "2"))
    badge, did = await fetch(home, f"/certificates/{CODE}.json"), await fetch(home, "/certificates/did.json")
    before = await fetch(home, "/certificates/status/1")
    ivan = await home.sign_in("ivan")
    await ivan.post("/certificates/certificate-1/revoke", {"reason": "A mistake"})
    after = await fetch(home, "/certificates/status/1")

    verified_by_hand(before, did)
    verified_by_hand(after, did)
    assert badge["credentialStatus"]["statusListCredential"] == after["id"]
    packed = after["credentialSubject"]["encodedList"]
    bits = gzip.decompress(base64.urlsafe_b64decode(packed[1:] + "=" * (-len(packed[1:]) % 4)))
    assert (packed[0], len(bits), bits[0], any(bits[1:])) == ("u", 16_384, 0x80, False)
    assert [credentials.is_revoked(badge, one) for one in (before, after)] == [False, True]
    with pytest.raises(NotVerified):
        credentials.is_revoked(badge, await fetch(home, "/certificates/status/2"))
    for wrong in ("0", "x", "-1", "9999999"):
        assert (await home.client.get(f"/certificates/status/{wrong}")).status_code == 404


async def test_what_an_old_key_signed_stays_verifiable(home: Api) -> None:
    old = await fetch(home, f"/certificates/{CODE}.json")
    async with home.parts.database.begin() as session:
        await make_key(session, Sealer(SECRET.encode(), "certificates"), now=home.clock())
    new, did = await fetch(home, f"/certificates/{CODE}.json"), await fetch(home, "/certificates/did.json")

    assert old["proof"]["verificationMethod"] != new["proof"]["verificationMethod"]
    for badge in (old, new):
        verified_by_hand(badge, did)


async def test_another_secret_key_means_another_signing_key(home: Api, trac_copy: TracCopy) -> None:
    old = await fetch(home, f"/certificates/{CODE}.json")
    async with serving(trac_copy, public_url=HOME, secret_key="another secret key, long enough too") as other:
        new, did = await fetch(other, f"/certificates/{CODE}.json"), await fetch(other, "/certificates/did.json")

    assert old["proof"]["verificationMethod"] != new["proof"]["verificationMethod"]
    verified_by_hand(old, did)
    verified_by_hand(new, did)


async def test_the_issuers_profile(home: Api) -> None:
    profile = await fetch(home, "/certificates/issuer")

    assert profile == {
        "id": "did:web:learn.example.org:certificates",
        "type": ["Profile"],
        "name": "Test",
        "url": HOME,
    }


class TestPure:
    ISSUER = Issuer("http://127.0.0.1:8001", "A course")
    AWARD = Award(
        CODE, "achievement", "first_step", "First Step", "", None, "Did it.", datetime(2026, 1, 1, tzinfo=UTC), 0
    )

    def test_a_port_is_written_as_did_web_wants_it(self) -> None:
        assert self.ISSUER.did == "did:web:127.0.0.1%3A8001:certificates"

    def test_a_badge_without_a_name(self) -> None:
        made = credentials.credential(self.AWARD, self.ISSUER)

        assert "identifier" not in made["credentialSubject"]
        assert made["credentialSubject"]["achievement"]["achievementType"] == "Badge"

    def test_the_lists_go_on_after_131072(self) -> None:
        award = Award(**{**vars(self.AWARD), "status_index": 131_073})
        status = credentials.credential(award, self.ISSUER)["credentialStatus"]

        assert (status["statusListCredential"][-2:], status["statusListIndex"]) == ("/2", "1")

    @pytest.mark.parametrize(
        "change",
        [
            {"proof": None},
            {"proof": {"cryptosuite": "other"}},
            {"proof": {"cryptosuite": "eddsa-jcs-2022", "verificationMethod": "x", "proofValue": "zz"}},
            {"issuer": "did:web:elsewhere"},
        ],
    )
    def test_what_is_no_credential_of_ours(self, change: dict[str, Any]) -> None:
        key = Key(1, Ed25519PrivateKey.generate())
        made = credentials.signed(
            credentials.credential(self.AWARD, self.ISSUER), self.ISSUER, key, self.AWARD.awarded_at
        )
        did = credentials.did_document(self.ISSUER, {1: credentials.public_bytes(key.private)})
        credentials.verify(made, did)

        with pytest.raises(NotVerified):
            credentials.verify(made | change, did)

    @pytest.mark.parametrize("value", ["", "a12", "z0OIl", "z" + "1" * 64])
    def test_a_signature_that_is_no_base_58(self, value: str) -> None:
        key = Key(1, Ed25519PrivateKey.generate())
        made = credentials.signed(
            credentials.credential(self.AWARD, self.ISSUER), self.ISSUER, key, self.AWARD.awarded_at
        )
        did = credentials.did_document(self.ISSUER, {1: credentials.public_bytes(key.private)})

        with pytest.raises(NotVerified):
            credentials.verify(made | {"proof": made["proof"] | {"proofValue": value}}, did)

    @given(st.binary(max_size=80))
    def test_base_58_there_and_back(self, raw: bytes) -> None:
        assert credentials._from_multibase(multibase(raw)) == raw
