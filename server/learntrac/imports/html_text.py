"""The words of HTML that stands in Markdown: tags go, text stays."""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|</?(?P<name>[a-zA-Z][-a-zA-Z0-9]*)(?P<attributes>(?:\s[^<>]*|/)?)>", re.DOTALL)
_ATTRIBUTE = r"""\s{name}\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))"""

# Tags inside a line of words; any other tag of HTML separates words.
_INLINE = re.compile(
    "a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup|time|u|var|wbr"
)
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|caption|center|col|colgroup|dd|details|dialog|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|h[1-6]|head|header|hr|html|iframe|input|label|legend|li|link|main|meta|nav|ol|"
    "option|p|picture|pre|script|section|select|source|style|summary|table|tbody|td|template|textarea|tfoot|th|"
    "thead|title|tr|ul|video"
)


class Part(NamedTuple):
    """Words; `source`: they describe an image at this address; `breaks`: a new line comes after them."""

    text: str
    source: str = ""
    breaks: bool = False


def parts(content: str) -> Iterator[Part]:
    """The words of `content` in their order. Text that only looks like a tag (`<item>`) counts as words."""
    end = 0
    for tag in _TAG.finditer(content):
        yield Part(html.unescape(content[end : tag.start()]))
        yield _tag(tag)
        end = tag.end()
    yield Part(html.unescape(content[end:]))


def _tag(tag: re.Match[str]) -> Part:
    name = (tag["name"] or "").lower()
    if name == "br":
        return Part("", breaks=True)
    if name == "img":
        return Part(_attribute("alt", tag["attributes"]), source=_attribute("src", tag["attributes"]))
    if not name or _INLINE.fullmatch(name):
        return Part("")
    return Part(" " if _BLOCK.fullmatch(name) else tag.group())


def _attribute(name: str, attributes: str) -> str:
    found = re.search(_ATTRIBUTE.format(name=name), attributes, re.IGNORECASE)
    return html.unescape(found["double"] or found["single"] or found["bare"] or "") if found else ""
