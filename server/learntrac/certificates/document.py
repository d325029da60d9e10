"""A certificate as a PDF worth printing: one page by typst, with a QR code that leads to its page of verification."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import orjson
import segno
import typst

_TEMPLATE = files("learntrac.certificates").joinpath("certificate.typ")


@dataclass(frozen=True)
class Printed:
    """What a certificate says. `facts` are (name, value) of its evidence, `verify` its public page; one that is revoked
    says so across the page.
    """

    heading: str
    issuer: str
    to: str
    name: str
    has: str
    title: str
    facts: Sequence[tuple[str, str]]
    awarded_at: datetime
    verify: str
    revoked_at: datetime | None = None


def as_pdf(printed: Printed) -> bytes:
    """The page. Takes some 100 ms of processor: not on the event loop's thread."""
    said = {
        "heading": printed.heading,
        "issuer": printed.issuer,
        "to": printed.to,
        "name": printed.name,
        "has": printed.has,
        "title": printed.title,
        "facts": printed.facts,
        "date": long_date(printed.awarded_at),
        "verify": printed.verify,
        "revoked": f"Revoked on {long_date(printed.revoked_at)}" if printed.revoked_at is not None else "",
        "qr": qr_svg(printed.verify),
    }
    return _compiled(orjson.dumps(said).decode(), printed.awarded_at.replace(microsecond=0))


def _compiled(said: str, at: datetime) -> bytes:
    template = _TEMPLATE.read_bytes()
    try:
        return typst.compile(template, sys_inputs={"said": said}, timestamp=at, pdf_standards="ua-1")
    except typst.TypstError:
        # The standard of accessible documents refuses a letter that no font here has; a box is better than nothing.
        return typst.compile(template, sys_inputs={"said": said}, timestamp=at)


def qr_svg(address: str) -> str:
    """The QR code of an address, as SVG, readable where a quarter of it is damaged."""
    out = io.BytesIO()
    segno.make(address, error="q", micro=False).save(out, kind="svg", border=0, dark="#1d2b3a", xmldecl=False)
    return out.getvalue().decode()


def long_date(moment: datetime) -> str:
    """`3 December 2026`: a date that reads the same on both sides of every ocean."""
    return f"{moment.day} {moment:%B %Y}"
