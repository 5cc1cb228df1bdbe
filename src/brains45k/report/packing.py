"""How columns travel to a page: packed into few characters, as ``columns.js`` unpacks them."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from os.path import commonprefix
from typing import Any

_DIGITS = 4
_MOSTLY_EMPTY = 0.1
# None of them is escaped in JSON or in a script.
_CHARACTERS = "".join(chr(code) for code in range(ord("("), ord("~")) if chr(code) not in "<\\")
_MOST_CHARACTERS = len(_CHARACTERS) - 1
# Of the characters that Unicode leaves to private use.
_MARKS = "\ue000\ue001\ue002"

Packed = dict[str, Any]


def as_json(value: Any) -> str:
    """Return compact JSON that can neither end a script element nor a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def pack_text(texts: Sequence[str], fields: Mapping[str, Sequence[str | None]] | None = None) -> Packed:
    """Pack texts that are much like the one before, and repeat what other columns of their row say.

    Parameters
    ----------
    texts : sequence of str
        One per row.
    fields : mapping
        Columns by their name; where a row's text holds what one of them says, a mark stands for it.
    """
    marks = dict(zip(fields or {}, _MARKS, strict=False))
    if any(mark in text for text in texts for mark in marks.values()):
        marks = {}
    short = list(texts)
    for name, mark in marks.items():
        pairs = zip(short, (fields or {})[name], strict=True)
        short = [text.replace(value, mark) if value else text for text, value in pairs]
    # By characters and not by parts of a path, which is why ruff warns.
    prefixes = ["", *(commonprefix(pair) for pair in pairwise(short))][: len(short)]  # noqa: RUF071
    rest = [text.removeprefix(prefix) for text, prefix in zip(short, prefixes, strict=True)]
    # JavaScript counts in units of UTF-16.
    shared = [len(prefix.encode("utf-16-le")) // 2 for prefix in prefixes]
    return {"form": "text", "marks": [[mark, name] for name, mark in marks.items()], "shared": shared, "rest": rest}


def pack_codes(values: Sequence[str | None]) -> Packed:
    """Pack values that recur: the sorted values, and each row's number among them, counted from 1; 0 is none.

    The numbers of few values are characters of one text, by ``characters``; of more values, a list; and where nearly
    no row has one, a list beside that of the rows that have.
    """
    distinct = sorted({value for value in values if value}, key=_natural)
    code_of = {value: code for code, value in enumerate(distinct, start=1)}
    codes = [code_of[value] if value else 0 for value in values]
    having = [row for row, code in enumerate(codes) if code]
    packed = {"form": "codes", "values": distinct}
    if len(having) < _MOSTLY_EMPTY * len(codes):
        return packed | {"rows": having, "codes": [codes[row] for row in having]}
    if len(distinct) <= _MOST_CHARACTERS:
        return packed | {"characters": _CHARACTERS, "codes": "".join(_CHARACTERS[code] for code in codes)}
    return packed | {"codes": codes}


def pack_numbers(values: Sequence[float]) -> Packed:
    """Pack numbers, rounded to what a table shows; what is not finite is none."""
    return {"form": "numbers", "numbers": [_rounded(value) for value in values]}


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    number = float(f"{value:.{_DIGITS}g}")
    return int(number) if number.is_integer() else number


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Return a key by which ``9 x 1`` comes before ``10 x 1``."""
    parts = re.split(r"([0-9]+(?:\.[0-9]+)?)", text)
    return [(1, float(part), part) if place % 2 else (0, 0.0, part) for place, part in enumerate(parts)]
