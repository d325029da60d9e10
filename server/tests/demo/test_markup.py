"""The texts of the demo course as a reader meets them: rendered by Trac, and with examples that run."""

import ast
import re
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from learntrac.demo.reading import read_course
from learntrac.trac.course import Page

COURSE = read_course()
TEXTS = {page.name: page.text for page in COURSE.pages} | {c.key: c.description for c in COURSE.concepts}

PYTHON_BLOCK = re.compile(r"^\{\{\{#!python\n(.*?)\n\}\}\}$", re.DOTALL | re.MULTILINE)


def python_in(text: str) -> str:
    """All Python examples of a text, one after the other, as a reader would type them."""
    return "\n\n".join(PYTHON_BLOCK.findall(text))


class Renderer:
    """Trac with the course's pages in its wiki."""

    def __init__(self, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Trac 1.6 uses names that newer libraries warn of
            from trac.env import Environment  # noqa: PLC0415 - importing it warns
            from trac.test import MockRequest  # noqa: PLC0415
            from trac.wiki.model import WikiPage  # noqa: PLC0415

            self.env = Environment(str(path), create=True)
            self.request = MockRequest(self.env)
            for page in COURSE.pages:
                wiki = WikiPage(self.env, page.name)
                wiki.text = page.text
                wiki.save("demo", "")

    def html(self, text: str) -> str:
        from trac.web.chrome import web_context  # noqa: PLC0415
        from trac.wiki.formatter import format_to_html  # noqa: PLC0415

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context = web_context(self.request, "wiki", "WikiStart")
            return str(format_to_html(self.env, context, text))


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    renderer = Renderer(tmp_path_factory.mktemp("trac") / "env")
    yield renderer
    renderer.env.shutdown()


@pytest.mark.parametrize("name", TEXTS)
def test_trac_renders_it_without_errors_dead_links_or_stray_markup(renderer: Renderer, name: str) -> None:
    html = renderer.html(TEXTS[name])
    prose = re.sub(r"<pre.*?</pre>|<code>.*?</code>", "", html, flags=re.DOTALL)

    assert "system-message" not in html
    assert not re.findall(r'<a class="missing[^>]*>[^<]*', html)
    assert not re.findall(r"'''?|\|\||\{\{\{|\}\}\}", re.sub(r"<[^>]*>", "", prose))


@pytest.mark.parametrize("name", TEXTS)
def test_python_examples_are_valid(name: str) -> None:
    ast.parse(python_in(TEXTS[name]))


@pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")
@pytest.mark.parametrize("page", [page for page in COURSE.pages if python_in(page.text)], ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_the_page_says(page: Page) -> None:
    code = compile(python_in(page.text), page.name, "exec")
    exec(code, types.ModuleType(f"example_{page.name}").__dict__)
