"""What the report pages are made of: templates, styles and scripts of this package, all put into the page itself."""

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

#: The styles of every page, and the script that runs before it is drawn.
STYLES: Final = ("report.css", "list.css")
THEME: Final = "theme.js"
#: The scripts of a source's page, in the order in which they run.
SCRIPTS: Final = (
    "columns.js",
    "query.js",
    "state.js",
    "elements.js",
    "rows.js",
    "detail.js",
    "keys.js",
    "browser.js",
)
_FOLDER = "assets"


def render(template: str, values: Mapping[str, Any], *, scripts: Sequence[str] = ()) -> str:
    """Fill in a template; whatever is no template's own text is escaped.

    A page holds its styles and scripts, so that it is whole wherever it is copied to, and names the digest of each
    script to the browser, which runs no other.

    Parameters
    ----------
    template : str
        Name of a template.
    values : mapping
        What the template asks for, beside its styles and scripts.
    scripts : sequence of str
        Texts of scripts, in the order in which they run.
    """
    theme = _text_of(THEME)
    page = {
        "style": Markup("\n".join(map(_text_of, STYLES))),  # noqa: S704 - our own
        "theme": Markup(theme),  # noqa: S704 - our own
        "scripts": [Markup(script) for script in scripts],  # noqa: S704 - our own, and data in which no < stands
        "digests": [_digest(script) for script in (theme, *scripts)],
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("brains45k.report", f"{_FOLDER}/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render({**values, **page})


def source_scripts() -> list[str]:
    """Return the texts of the scripts of a source's page."""
    return [_text_of(name) for name in SCRIPTS]


def write_text(path: Path, text: str) -> None:
    """Put a text in place in one move, unless it is there already; several jobs may write the same file."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
    # A temporary file is its owner's alone; a report is for all who may read the folder.
    Path(file.name).chmod(0o666 & ~_umask())
    os.replace(file.name, path)  # noqa: PTH105 - the one call that is atomic on every system


def _text_of(name: str) -> str:
    return resources.files("brains45k.report").joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """Return a script's digest as a Content-Security-Policy states it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _umask() -> int:
    # Python has no way to look at it but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
