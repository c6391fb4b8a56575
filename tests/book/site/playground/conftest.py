"""Fixtures of the playground's tests: a browser, and a page with the playground's numbers."""

import pytest

from support import playground as harness


@pytest.fixture(scope="module")
def bare(chromium, tmp_path_factory):
    """A page with the model and no furniture."""
    with harness.bare_page(chromium, tmp_path_factory.mktemp("playground")) as page:
        yield page
