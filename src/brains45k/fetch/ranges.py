"""What the headers of an answer say of the file: how long it is, which bytes come, and when it has changed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from brains45k.fetch.part import Mark

_SATISFIED = re.compile(r"bytes +(\d+)-(\d+)/(\d+|\*)")
_UNSATISFIED = re.compile(r"bytes +\*/(\d+)")


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes from ``first`` to ``last``, both included, of a file of ``total_bytes``, where that is told."""

    first: int
    last: int
    total_bytes: int | None


def content_range(headers: Mapping[str, str]) -> Range | None:
    """Return which bytes come; None if the header is missing or makes no sense.

    >>> content_range({"Content-Range": "bytes 5-9/10"})
    Range(first=5, last=9, total_bytes=10)
    """
    found = _SATISFIED.fullmatch(headers.get("Content-Range", "").strip().lower())
    if not found:
        return None
    first, last = int(found[1]), int(found[2])
    total_bytes = None if found[3] == "*" else int(found[3])
    makes_sense = first <= last and (total_bytes is None or last < total_bytes)
    return Range(first, last, total_bytes) if makes_sense else None


def unsatisfied_total_bytes(headers: Mapping[str, str]) -> int | None:
    """Return how long the file is, by an answer that has none of the bytes that were asked for."""
    found = _UNSATISFIED.fullmatch(headers.get("Content-Range", "").strip().lower())
    return int(found[1]) if found else None


def validator_of(headers: Mapping[str, str]) -> str | None:
    """Return what changes whenever the file does: a strong ETag, or else the time of its last change.

    >>> validator_of({"ETag": 'W/"1"', "Last-Modified": "Wed, 01 May 2024 10:00:00 GMT"})
    'Wed, 01 May 2024 10:00:00 GMT'
    """
    etag = headers.get("ETag", "").strip()
    if etag.startswith('"'):
        return etag
    return headers.get("Last-Modified", "").strip() or None


def is_unchanged(mark: Mark | None, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer is about the file that was begun; like is compared with like alone."""
    if mark is None or mark.validator is None:
        return True
    name = "ETag" if mark.validator.startswith('"') else "Last-Modified"
    return headers.get(name, mark.validator).strip() == mark.validator
