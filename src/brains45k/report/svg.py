"""Figures as SVG elements of a page, which take their colours from it and so suit a light and a dark theme."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Stand-ins that Matplotlib takes, and what the page puts there.
INK, _RULE = "#010203", "#010204"
LINE_COLOURS = ("#010205", "#010206", "#010207")
_COLOURS = {
    INK: "currentColor",
    _RULE: "var(--line)",
    LINE_COLOURS[0]: "var(--first)",
    LINE_COLOURS[1]: "var(--second)",
    LINE_COLOURS[2]: "var(--third)",
}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "brains45k",
    "font.size": 8.5,
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
}


@contextmanager
def page_style() -> Iterator[None]:
    """Draw in the style of the pages inside, whatever the user's own settings of Matplotlib are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def svg_element(figure: Figure, name: str) -> str:
    """Return a figure as an element of a page: no prologue, colours of the page, ids that are its own.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside :func:`page_style`, in :data:`INK` and :data:`LINE_COLOURS`.
    name : str
        Unique in the page.

    Returns
    -------
    str
        An ``<svg>`` for a page that defines ``--line``, ``--first``, ``--second`` and ``--third``; the same bytes each
        time.
    """
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        text = text.replace(stand_in, colour)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
