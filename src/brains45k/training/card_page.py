"""The page of a run card: one file that needs nothing but itself, made from what card.json holds and from no more."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from brains45k.training.curves import draw_curves, number_text, percent_text

#: How card.json writes what JSON has no number for, by Python's name.
NOT_FINITE: Final = MappingProxyType({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"})

_PICTURES_BYTES = 3_500_000
_ROWS_SHOWN = 12
_WEIGHTS_SUFFIX = ".safetensors"


def card_page(document: Mapping[str, Any], folder: Path) -> str:
    """Return card.html, in which every figure carries its exact value and its place in card.json.

    Parameters
    ----------
    document : mapping
        What card.json holds.
    folder : Path
        Where the card goes; the paths of its pictures are relative to it.
    """
    source = resources.files("brains45k.training").joinpath("card.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    history = document["history"]
    return environment.from_string(source).render(
        card=document,
        figure=partial(_figure, document),
        pointer=_pointer,
        curves=draw_curves(history, resumed_at_steps=document["resumed_at_steps"]),
        pictures=list(_embed(document["pictures"], folder)),
        settings=list(_leaves(document["settings"], ("settings",))),
        rows=_rows_shown(history),
        columns=list(dict.fromkeys(column for row in history for column in row)),
        snippet=_snippet(document),
    )


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and JSON pointer of each setting that holds no further mapping."""
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    else:
        yield ".".join(path[1:]), _pointer(path)


def _pointer(path: Sequence[str]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _lookup(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _figure(document: Mapping[str, Any], pointer: str, kind: str = "number") -> Markup:
    """Return a figure as an element that carries its exact value and its place in card.json."""
    value = _lookup(document, pointer)
    element = Markup('<data value="{}" data-pointer="{}">{}</data>')
    return element.format(json.dumps(value, ensure_ascii=False), pointer, _shown(value, kind))


def _shown(value: Any, kind: str) -> str:
    if kind == "exact":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if value is None:
        return "not measured"
    if isinstance(value, str):
        return number_text(float(value)) if value in NOT_FINITE.values() else value
    return _FIGURES[kind](value)


def _duration(value_s: float) -> str:
    if value_s < 120:  # noqa: PLR2004 - two minutes
        return f"{number_text(value_s)} s"
    minutes = round(value_s / 60)
    return f"{minutes // 60:,} h {minutes % 60:02} min"


_FIGURES: Final[Mapping[str, Callable[[float], str]]] = {
    "number": number_text,
    "percent": percent_text,
    "mb": lambda value: f"{number_text(value)} MB",
    "bytes": lambda value: f"{number_text(value / 1e6)} MB",
    "s": _duration,
}


def _embed(pictures: Sequence[Mapping[str, str]], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what the page needs of each picture; ``source`` is empty for one that it cannot hold."""
    left_bytes = _PICTURES_BYTES
    for picture in pictures:
        try:
            content = (folder / picture["path"]).read_bytes()
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                width, height = image.size
        except OSError:
            yield {**picture, "source": "", "problem": "is missing or no PNG"}
            continue
        encoded = base64.b64encode(content).decode()
        if len(encoded) > left_bytes:
            yield {**picture, "source": "", "problem": "would make this page too large; open it by itself"}
            continue
        left_bytes -= len(encoded)
        yield {**picture, "source": f"data:image/png;base64,{encoded}", "width": width, "height": height}


def _rows_shown(history: Sequence[Mapping[str, Any]]) -> list[int]:
    """Pick rows of training and of validation at even distances, the first and the last among them."""
    chosen = set()
    for column in ("train_loss", "val_loss"):
        having = [number for number, row in enumerate(history) if row.get(column) is not None]
        if having:
            chosen |= {having[place] for place in np.linspace(0, len(having) - 1, _ROWS_SHOWN).round().astype(int)}
    return sorted(chosen)


def _snippet(document: Mapping[str, Any]) -> str:
    """Return Python that loads the run's weights, or nothing where none were exported."""
    weights = [file["path"] for file in document["files"] if file["path"].endswith(_WEIGHTS_SUFFIX)]
    if not weights:
        return ""
    return (
        "from pathlib import Path\n\n"
        "from brains45k.networks import create, load_weights\n\n"
        f"network = create({document['network']['name']!r}, in_channels=1, out_channels=1, head='reconstruction')\n"
        f"print(load_weights(network, Path({weights[0]!r})))"
    )
