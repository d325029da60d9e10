"""What a reader of the real Trac 1.6 sees of wiki text: the oracle of the tests of this folder."""

import html
import importlib
import re
import warnings
from collections.abc import Iterable
from typing import Any

# First, because it imports Trac with the care that Trac needs.
import learntrac.trac.trac16  # noqa: F401
from learntrac.trac.course import Page

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    for name in (
        "trac.attachment",
        "trac.mimeview.pygments",
        "trac.search.web_ui",
        "trac.ticket.query",
        "trac.ticket.report",
        "trac.ticket.roadmap",
        "trac.ticket.web_ui",
        "trac.timeline.web_ui",
        "trac.versioncontrol.web_ui",
        "trac.wiki.interwiki",
        "trac.wiki.macros",
    ):
        importlib.import_module(name)
    from trac.test import EnvironmentStub, MockRequest
    from trac.web.chrome import web_context
    from trac.wiki.formatter import format_to_html
    from trac.wiki.model import WikiPage

_BLOCK = r"</?(?:p|div|li|[uo]l|dl|dt|dd|table|tr|td|th|h\d|hr|br|pre|blockquote)\b[^>]*>"


class TracWiki:
    """A Trac in memory that shows wiki text, with the pages it is given."""

    def __init__(self, pages: Iterable[Page] = ()) -> None:
        self._env: Any = EnvironmentStub(enable=["trac.*"])
        self._context: Any = web_context(MockRequest(self._env), "wiki", "WikiStart")
        for page in pages:
            stored = WikiPage(self._env, page.name)
            stored.text = page.text
            stored.save("author", "")

    def close(self) -> None:
        """Give the database back."""
        self._env.reset_db()
        self._env.shutdown()

    def html(self, text: str) -> str:
        """The HTML of wiki text, without the invisible marks that Trac gives to links."""
        return str(format_to_html(self._env, self._context, text)).replace("\u200b", "")

    def words(self, text: str) -> str:
        """What a reader reads, with one space wherever there is any."""
        parted = re.sub(_BLOCK, " ", self.html(text))
        return " ".join(html.unescape(re.sub(r"<[^>]*>", "", parted)).split())

    def blocks(self, text: str) -> list[str]:
        """The content of each block of code."""
        found = re.findall(r"<pre[^>]*>(.*?)</pre>", self.html(text), re.DOTALL)
        return [html.unescape(re.sub(r"<[^>]*>", "", block)) for block in found]
