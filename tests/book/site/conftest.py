"""What tests of the built site share: a browser, and the address of the real site."""

import pytest

from support import browser
from support.site_builds import real_site


@pytest.fixture(scope="module")
def chromium():
    with browser.launched() as launched:
        yield launched


@pytest.fixture(scope="module")
def base():
    with browser.served(real_site()) as address:
        yield address
