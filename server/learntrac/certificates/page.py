"""The public page that shows whether a certificate is true: for a telephone, a printer and a screen reader alike."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2b3a; --faint: #5b6775; --paper: #fbfaf7; --line: #d9d2c0;
  --good: #14663a; --bad: #a3261b; --gold: #8a6a22 }
@media (prefers-color-scheme: dark) { :root { --ink: #eef1f4; --faint: #aab4bf; --paper: #161c23; --line: #3a434d;
  --good: #74d49f; --bad: #ff9c8f; --gold: #d9b96a } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 Georgia, "Times New Roman", serif }
main { max-width: 40rem; margin: 0 auto; padding: clamp(1.25rem, 5vw, 3.5rem) 1.25rem }
.from { color: var(--gold); letter-spacing: .14em; text-transform: uppercase; font-size: .8125rem; margin: 0 0 1.5rem }
h1 { font-size: clamp(1.6rem, 6vw, 2.4rem); line-height: 1.2; margin: 0 0 .75rem; overflow-wrap: anywhere }
.verdict { display: inline-block; margin: 0 0 1.5rem; padding: .3rem .8rem; border: 2px solid; border-radius: 2rem;
  font-weight: bold; font-family: system-ui, sans-serif; font-size: .95rem }
.good { color: var(--good) } .bad { color: var(--bad) }
dl { margin: 0; border-top: 1px solid var(--line) }
dl div { display: flex; flex-wrap: wrap; gap: .15rem 1.5rem; padding: .65rem 0; border-bottom: 1px solid var(--line) }
dt { flex: 0 0 10.5rem; color: var(--faint); font-family: system-ui, sans-serif; font-size: .9rem }
dd { flex: 1 1 14rem; margin: 0; overflow-wrap: anywhere }
p { margin: 1.25rem 0 } a { color: inherit; text-underline-offset: .15em }
.small { color: var(--faint); font-size: .9rem; font-family: system-ui, sans-serif }
@media print { :root { --ink: #000; --faint: #333; --paper: #fff; --line: #999; --good: #000;
  --bad: #000; --gold: #333 }
  main { max-width: none; padding: 0 } .links { display: none } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "x-robots-tag": "noindex",
}
"""What a browser may do with the page, and that no search engine is to keep it."""


@dataclass(frozen=True)
class Shown:
    """What the page says. `lines` are (name, value); `links` (address, words)."""

    issuer: str
    heading: str
    title: str
    is_valid: bool
    verdict: str
    lines: Sequence[tuple[str, str]]
    note: str
    links: Sequence[tuple[str, str]]


def as_html(shown: Shown) -> str:
    """The page."""
    state = "good" if shown.is_valid else "bad"
    sign = "&#10003;" if shown.is_valid else "&#10007;"
    lines = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.lines)
    links = " &middot; ".join(f'<a href="{escape(to)}">{escape(words)}</a>' for to, words in shown.links)
    return _PAGE.format(
        style=_STYLE,
        title=escape(shown.title),
        heading=escape(shown.heading),
        issuer=escape(shown.issuer),
        state=state,
        sign=sign,
        verdict=escape(shown.verdict),
        lines=lines,
        note=escape(shown.note),
        links=f'<p class="links">{links}</p>' if links else "",
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}: {title}</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="from">{issuer}</p>
<h1>{title}</h1>
<p class="verdict {state}" role="status"><span aria-hidden="true">{sign} </span>{verdict}</p>
<dl>{lines}</dl>
{links}
<p class="small">{note}</p>
</main>
</body>
</html>
"""
