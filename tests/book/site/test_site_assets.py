"""The scripts and fonts that the site ships are what their projects published, or cut from that."""

import hashlib
import json
from importlib.metadata import distribution

import pytest

from support.site_builds import ROOT, real_site

VENDOR = ROOT / "book" / "_static" / "vendor"
FOLDERS = (VENDOR, ROOT / "tests" / "support" / "vendor")
PACKAGES = [
    (folder, package)
    for folder in FOLDERS
    for package in json.loads((folder / "manifest.json").read_text())
]
LISTED = {folder / path: digest for folder, p in PACKAGES for path, digest in p["files"].items()}


def package(name):
    return next(p for _, p in PACKAGES if p["name"] == name)


def test_every_vendored_file_is_listed():
    present = {p for folder in FOLDERS for p in folder.rglob("*") if p.is_file()}
    assert {p for p in present if p.name != "manifest.json"} == set(LISTED)


@pytest.mark.parametrize("path", sorted(LISTED), ids=lambda path: path.name)
def test_vendored_file_is_unmodified(path):
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LISTED[path]


@pytest.mark.parametrize("entry", [p for _, p in PACKAGES], ids=lambda entry: entry["name"])
def test_vendored_package_has_version_licence_and_origin(entry):
    assert entry["version"]
    assert entry["licence"]
    assert entry["origin"]
    assert any(path.endswith("/LICENSE") for path in entry["files"])


def test_circuitsvis_script_is_the_installed_package_s_own():
    installed = distribution("circuitsvis")
    script = installed.locate_file("circuitsvis/dist/cdn/iife.js").read_bytes()
    assert script == (VENDOR / "circuitsvis" / "iife.js").read_bytes()
    assert installed.version == package("CircuitsVis")["version"]


def test_plotly_script_is_of_the_version_that_plotly_py_writes_for():
    from plotly.offline import get_plotlyjs_version

    version = package("plotly.js-cartesian-dist-min")["version"]
    assert version == get_plotlyjs_version()
    banner = (VENDOR / "plotly" / "plotly-cartesian.min.js").read_text("utf8")[:200]
    assert f"v{version}" in banner


def test_the_site_with_other_models_pages_is_small_and_holds_nothing_for_debuggers():
    files = [path for path in real_site().rglob("*") if path.is_file()]
    assert not [path.name for path in files if path.suffix == ".map" or "_sources" in path.parts]
    assert not [path.name for path in files if path.name == "fontawesome.js"]
    assert sum(path.stat().st_size for path in files) < 1.6 * 19e6
