"""What a site has only where it is published: an address, and what follows from it.

Search engines get a sitemap, social networks a preview, and a reader with a wrong address a page
that says so. Each needs the site's address, which GitHub Pages derives from the repository's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_course.book.site import launch, page_model

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

PREVIEW = "_static/figures/screenshot.png"


def address(name: str) -> str:
    """Where GitHub Pages serves the site of a repository `owner/name`."""
    owner, project = name.lower().split("/")[0], name.split("/")[1]
    host = f"https://{owner}.github.io/"
    return host if project.lower() == f"{owner}.github.io" else f"{host}{project}/"


def configure(app: Sphinx, config: Config) -> None:
    """Give the extensions that need it the site's address."""
    site = address(config.mi_course_repository)
    config.html_baseurl = site
    config.sitemap_url_scheme = "{link}"
    config.sitemap_excludes = ["search.html", "genindex.html", "404.html"]
    config.ogp_site_url = site
    config.ogp_site_name = config.html_title
    config.ogp_image = f"{site}{PREVIEW}"
    config.ogp_image_alt = "A cell of a chapter, and the attention patterns that it draws"
    config.ogp_social_cards = {"enable": False}
    config.notfound_urls_prefix = "/" + site.split("/", 3)[3]


def setup(app: Sphinx) -> None:
    """Called by the course's extension; does nothing where nobody publishes the site."""
    if not launch.repository():
        return
    # The pages under pocket/ are the same pages on another model: no engine needs to list them.
    of_the_whole = () if page_model.asked() else ("sphinx_sitemap", "notfound.extension")
    for extension in ("sphinxext.opengraph", *of_the_whole):
        app.setup_extension(extension)
    app.connect("config-inited", configure, priority=100)
