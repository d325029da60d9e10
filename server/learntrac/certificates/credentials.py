"""Certificates as Open Badges 3.0 (https://www.imsglobal.org/spec/ob/v3p0): verifiable credentials of the W3C's data
model 2.0, signed with Ed25519 as JSON (Data Integrity, eddsa-jcs-2022) or as a JWT. Pure.

The issuer is `did:web` under the installation's own address, its keys are in the document there. Whether a credential
was revoked stands in a Bitstring Status List, signed alike.
"""

import base64
import gzip
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import jwt
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from learntrac.kit.clock import iso

CONTEXTS = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
)
SUITE = "eddsa-jcs-2022"
LIST_BITS = 131_072
"""The least a status list may hold, so that one place in it gives nobody away."""
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = b"\xed\x01"
"""How a multikey says that it is one of Ed25519."""


class NotVerified(ValueError):
    """A credential that is not what it says: the reason."""


@dataclass(frozen=True)
class Issuer:
    """This installation: `base` is its public address without a slash at the end."""

    base: str
    name: str

    @property
    def did(self) -> str:
        """Its decentralized identifier; the document is at `/certificates/did.json`."""
        return f"did:web:{quote(urlsplit(self.base).netloc, safe='.')}:certificates"


@dataclass(frozen=True)
class Key:
    """A key that signs, and the number it is published under."""

    id: int
    private: Ed25519PrivateKey


@dataclass(frozen=True)
class Award:
    """What is certified. `name` is the holder's, None where it is not shown; `status_index` from 0."""

    code: str
    kind: str
    subject: str
    title: str
    description: str
    name: str | None
    narrative: str
    awarded_at: datetime
    status_index: int


def credential(award: Award, issuer: Issuer) -> dict[str, Any]:
    """The credential, not yet signed."""
    page = f"{issuer.base}/certificates/{award.code}"
    holder: dict[str, Any] = {"id": f"{page}#holder", "type": ["AchievementSubject"]}
    if award.name is not None:
        named = {"type": "IdentityObject", "identityType": "name", "hashed": False, "identityHash": award.name}
        holder["identifier"] = [named]
    holder["achievement"] = {
        "id": f"{issuer.base}/certificates/achievements/{award.kind}-{award.subject}",
        "type": ["Achievement"],
        "achievementType": "Certificate" if award.kind == "concept" else "Badge",
        "name": award.title,
        "description": award.description or award.title,
        "criteria": {"narrative": award.narrative},
    }
    number, place = divmod(award.status_index, LIST_BITS)
    listed = f"{issuer.base}/certificates/status/{number + 1}"
    return {
        "@context": list(CONTEXTS),
        "id": page,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": award.title,
        "issuer": {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.base},
        "validFrom": iso(award.awarded_at),
        "credentialSubject": holder,
        "credentialStatus": {
            "id": f"{listed}#{place}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(place),
            "statusListCredential": listed,
        },
    }


def status_list(number: int, revoked: Collection[int], issuer: Issuer, now: datetime) -> dict[str, Any]:
    """The list of that number, from 1; `revoked` are places in it. Not yet signed."""
    bits = bytearray(LIST_BITS // 8)
    for place in revoked:
        bits[place // 8] |= 0x80 >> place % 8
    packed = base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")
    address = f"{issuer.base}/certificates/status/{number}"
    return {
        "@context": [CONTEXTS[0]],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": iso(now),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": "u" + packed,
        },
    }


def is_revoked(unsigned_or_signed: Mapping[str, Any], listed: Mapping[str, Any]) -> bool:
    """Whether the status list (`listed`) has this credential revoked. Raises NotVerified where it is another list."""
    entry = unsigned_or_signed["credentialStatus"]
    if entry["statusListCredential"] != listed["id"]:
        raise NotVerified(f"the credential stands in {entry['statusListCredential']}")
    packed = listed["credentialSubject"]["encodedList"].removeprefix("u")
    bits = gzip.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    place = int(entry["statusListIndex"])
    return bool(bits[place // 8] & (0x80 >> place % 8))


def did_document(issuer: Issuer, keys: Mapping[int, bytes]) -> dict[str, Any]:
    """The issuer's document with its public keys by number, each in the two writings that verifiers read."""
    methods = [method for number, public in keys.items() for method in _methods(issuer.did, number, public)]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": issuer.did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def _methods(did: str, number: int, public: bytes) -> list[dict[str, Any]]:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public).decode().rstrip("="), "alg": "EdDSA"}
    return [
        {
            "id": f"{did}#key-{number}",
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": multibase(_ED25519 + public),
        },
        {
            "id": f"{did}#jwk-{number}",
            "type": "JsonWebKey",
            "controller": did,
            "publicKeyJwk": jwk | {"kid": f"jwk-{number}"},
        },
    ]


def canonical(value: Any) -> bytes:
    """The JSON Canonicalization Scheme (RFC 8785) of what holds text, whole numbers, lists and maps with ASCII keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def signed(document: Mapping[str, Any], issuer: Issuer, key: Key, now: datetime) -> dict[str, Any]:
    """The document with a proof of Data Integrity (https://www.w3.org/TR/vc-di-eddsa/#eddsa-jcs-2022)."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": SUITE,
        "created": iso(now),
        "verificationMethod": f"{issuer.did}#key-{key.id}",
        "proofPurpose": "assertionMethod",
        "@context": document["@context"],
    }
    value = multibase(key.private.sign(_hashed(document, proof)))
    return {**document, "proof": proof | {"proofValue": value}}


def as_jwt(document: Mapping[str, Any], issuer: Issuer, key: Key, awarded_at: datetime) -> str:
    """The document as a signed JWT, as Open Badges 3.0 write it."""
    claims = {"iss": issuer.did, "jti": document["id"], "nbf": int(awarded_at.timestamp())}
    subject = {"sub": document["credentialSubject"]["id"]}
    headers = {"kid": f"{issuer.did}#jwk-{key.id}", "typ": "vc+jwt"}
    return jwt.encode({**document, **claims, **subject}, key.private, algorithm="EdDSA", headers=headers)


def verify(document: Mapping[str, Any], did: Mapping[str, Any]) -> None:
    """Raise NotVerified unless one of the keys in the issuer's document has signed exactly this."""
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    proof = document.get("proof")
    if not isinstance(proof, dict) or proof.get("cryptosuite") != SUITE:
        raise NotVerified(f"it has no proof by {SUITE}")
    issuer = document.get("issuer")
    if (issuer.get("id") if isinstance(issuer, dict) else issuer) != did.get("id"):
        raise NotVerified(f"its issuer is not {did.get('id')}")
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    try:
        key = _find_key(did, str(config.get("verificationMethod")))
        key.verify(_from_multibase(str(proof.get("proofValue"))), _hashed(unsigned, config))
    except (InvalidSignature, ValueError) as error:
        raise NotVerified("its signature is not that of its content") from error


def _find_key(did: Mapping[str, Any], name: str) -> Ed25519PublicKey:
    for method in did["verificationMethod"]:
        if method["id"] == name and method["type"] == "Multikey":
            return Ed25519PublicKey.from_public_bytes(
                _from_multibase(method["publicKeyMultibase"]).removeprefix(_ED25519)
            )
    raise ValueError(f"no key {name}")


def _hashed(document: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical(proof)).digest() + hashlib.sha256(canonical(document)).digest()


def multibase(raw: bytes) -> str:
    """`z` and the bytes in base 58, as Bitcoin's letters write it."""
    number, written = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        written = _BASE58[digit] + written
    return "z" + "1" * (len(raw) - len(raw.lstrip(b"\0"))) + written


def _from_multibase(written: str) -> bytes:
    if not written.startswith("z") or set(written) - set(_BASE58):
        raise ValueError("this is no base 58")
    digits, number = written[1:], 0
    for letter in digits:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(digits) - len(digits.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)


def public_bytes(private: Ed25519PrivateKey) -> bytes:
    """The public half of a key."""
    return private.public_key().public_bytes_raw()


def narrative(kind: str, *, score: float | None, threshold: float | None, answers: int | None, rule: str) -> str:
    """What somebody had to do, in a sentence."""
    if kind != "concept":
        return rule
    return (
        f"Mastery of the concept by {answers} graded answers: the learner model's probability of a right answer was"
        f" {score or 0:.2f}, at a threshold of {threshold or 0:.2f}."
    )


def facts(*, score: float | None, threshold: float | None, answers: int | None) -> Sequence[tuple[str, str]]:
    """The evidence of a concept's certificate, by name."""
    if score is None:
        return ()
    return (
        ("Mastery score", f"{score:.2f} of 1"),
        ("Threshold", f"{threshold:.2f}"),
        ("Graded answers", str(answers)),
    )
