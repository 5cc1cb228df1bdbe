"""Open the user's browser, where there is one that has a window."""

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping


def has_window(environment: Mapping[str, str], platform: str) -> bool:
    """Tell whether a browser would have a window; one in the terminal could not draw a volume."""
    named = any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return named or platform in ("darwin", "win32", "cygwin")


def open_browser(address: str) -> bool:
    """Open an address without waiting for the browser; return whether there is one."""
    if not has_window(os.environ, sys.platform):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    threading.Thread(target=browser.open, args=(address,), daemon=True).start()
    return True
