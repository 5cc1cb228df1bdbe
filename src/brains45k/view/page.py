"""The fixed files of the viewer's page: they are read from the package once, and served from memory."""

from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

#: The file that is the page itself.
PAGE: Final = "view.html"

_TYPES = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its media type."""

    content: bytes
    type: str


def load_assets() -> dict[str, Asset]:
    """Return the page and what it needs, by file name."""
    folder = resources.files("brains45k.view").joinpath("assets")
    types = {file: _TYPES.get(PurePosixPath(file.name).suffix) for file in folder.iterdir()}
    return {file.name: Asset(file.read_bytes(), kind) for file, kind in types.items() if kind}
