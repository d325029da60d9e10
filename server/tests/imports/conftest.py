from collections.abc import Iterator

import pytest

from tests.imports.trac_wiki import TracWiki


@pytest.fixture(scope="session")
def trac() -> Iterator[TracWiki]:
    wiki = TracWiki()
    yield wiki
    wiki.close()
