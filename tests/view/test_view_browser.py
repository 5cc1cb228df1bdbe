"""When a browser is opened, and that nobody waits for it."""

import threading
import webbrowser
from typing import Any

import pytest

from brains45k.view import browser


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_whether_there_is_a_window(environment: dict[str, str], platform: str, *, expected: bool) -> None:
    assert browser.has_window(environment, platform) is expected


def test_the_browser_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, go = threading.Event(), threading.Event()
    seen: list[str] = []

    class Slow:
        def open(self, address: str) -> None:
            seen.append(address)
            opened.set()
            go.wait()

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", Slow)
    assert browser.open_browser("http://127.0.0.1:1/token/")
    assert opened.wait(60)
    go.set()
    assert seen == ["http://127.0.0.1:1/token/"]


def test_no_browser_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise webbrowser.Error

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "get", none)
    assert not browser.open_browser("http://127.0.0.1:1/token/")


def test_no_window_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(webbrowser, "get", lambda: pytest.fail("asked for a browser"))
    assert not browser.open_browser("http://127.0.0.1:1/token/")
