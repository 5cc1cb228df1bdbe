"""The page's files: whole, as they were published, and without anything from elsewhere."""

import base64
import hashlib
import re
from importlib import resources

import pytest

from brains45k.view.page import PAGE, load_assets

ASSETS = load_assets()
OWN = [name for name in ASSETS if name.endswith((".html", ".css", ".js", ".svg")) and "niivue" not in name]


def vendored() -> str:
    return resources.files("brains45k.view").joinpath("assets/VENDORED.md").read_text(encoding="utf-8")


def test_the_library_is_the_published_one() -> None:
    content = ASSETS["niivue.umd.js"].content
    assert hashlib.sha256(content).hexdigest() in vendored()
    assert f"{len(content):,} bytes" in vendored()


def test_the_digest_of_the_package_is_whole() -> None:
    found = re.search(r"`sha512-([\w+/=]+)`", vendored())
    assert found
    assert len(base64.b64decode(found[1], validate=True)) == hashlib.sha512().digest_size


def test_licences_lie_beside_the_library() -> None:
    assert b"BSD 2-Clause" in ASSETS["niivue-LICENSE.txt"].content
    assert b"MIT License" in ASSETS["niivue-NOTICES.txt"].content


@pytest.mark.parametrize("name", OWN)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    text = ASSETS[name].content.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]+\.[a-z]", text)


@pytest.mark.parametrize("name", OWN)
def test_nothing_is_read_as_html(name: str) -> None:
    text = ASSETS[name].content.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser", text)


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    text = ASSETS[PAGE].content.decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == ["", ""]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_all_that_the_page_names_is_there() -> None:
    names = re.findall(r"(?:src|href)=\"assets/([^\"]+)\"", ASSETS[PAGE].content.decode())
    modules = [name for file in OWN for name in re.findall(r"from \"\./([^\"]+)\"", ASSETS[file].content.decode())]
    assert {"view.css", "main.js", "niivue.umd.js"} <= set(names)
    assert set(names + modules) <= set(ASSETS)
