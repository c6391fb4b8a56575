"""The scripts and fonts that the site ships are what their projects published."""

import hashlib
import json
from importlib.metadata import distribution

import pytest
from site_builds import ROOT

VENDOR = ROOT / "book" / "_static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
LISTED = {path: digest for package in MANIFEST for path, digest in package["files"].items()}


def package(name):
    return next(p for p in MANIFEST if p["name"] == name)


def test_every_vendored_file_is_listed():
    present = {p.relative_to(VENDOR).as_posix() for p in VENDOR.rglob("*") if p.is_file()}
    assert present - {"manifest.json"} == set(LISTED)


@pytest.mark.parametrize("path", sorted(LISTED))
def test_vendored_file_is_unmodified(path):
    assert hashlib.sha256((VENDOR / path).read_bytes()).hexdigest() == LISTED[path]


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])
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
