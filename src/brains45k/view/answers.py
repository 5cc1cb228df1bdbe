"""What the viewer answers to each path, without any socket.

``""`` is the page, ``assets/NAME`` a file of it, ``corpus`` what there is, ``rows?...`` a part of the list,
``rows/ID`` one row in words, and ``volume/ID.nii`` the voxels. A path is looked up, never opened.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from brains45k.corpus.manifest import Status
from brains45k.errors import DataError
from brains45k.view.catalogue import Catalogue, Search
from brains45k.view.details import details_of
from brains45k.view.levels import read_levels
from brains45k.view.nifti_of import nifti_of
from brains45k.view.page import PAGE, load_assets

_MAX_FIELDS = 10
_MAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a media type and the parts of a body."""

    status: HTTPStatus
    type: str
    parts: Sequence[bytes | memoryview]

    @property
    def length_bytes(self) -> int:
        """Return the length of the body."""
        return sum(len(part) for part in self.parts)


def text_answer(status: HTTPStatus, text: str) -> Answer:
    """Return an answer that is one line of text."""
    return Answer(status, "text/plain; charset=utf-8", [f"{text}\n".encode()])


class Viewer:
    """Answers for one corpus; threads may share it.

    Raises
    ------
    DataError
        If the manifest cannot be read. A shard is looked at only when it is asked for.
    """

    def __init__(self, manifest: Path) -> None:
        self.catalogue = Catalogue(manifest)
        self._manifest = manifest
        self._assets = load_assets()

    def answer(self, target: str) -> Answer:
        """Answer to a path behind the token, as it stands in the request, query included."""
        path, _, query = target.partition("?")
        kind, slash, name = path.partition("/")
        name = unquote(name, errors="replace")
        if not slash:
            return self._answer_whole(kind, query)
        if kind == "assets" and name in self._assets and name != PAGE:
            return self._asset(name)
        if kind == "rows" and name in self.catalogue:
            return _json_answer(asdict(details_of(self.catalogue.row(name))))
        if kind == "volume" and name.endswith(".nii"):
            return self._volume(name.removesuffix(".nii"))
        return _nothing()

    def _answer_whole(self, kind: str, query: str) -> Answer:
        if kind == "":
            return self._asset(PAGE)
        if kind == "corpus":
            return _json_answer(
                {"name": str(self._manifest), "counts": self.catalogue.counts(), "sources": self.catalogue.sources()}
            )
        return self._rows(query) if kind == "rows" else _nothing()

    def _asset(self, name: str) -> Answer:
        asset = self._assets[name]
        return Answer(HTTPStatus.OK, asset.type, [asset.content])

    def _rows(self, query: str) -> Answer:
        try:
            fields = {key: values[-1] for key, values in parse_qs(query, max_num_fields=_MAX_FIELDS).items()}
            offset = _natural(fields.get("offset", "0"))
        except ValueError as error:
            return text_answer(HTTPStatus.BAD_REQUEST, f"The query cannot be read: {error}.")
        search = Search(*(fields.get(key, "") for key in ("words", "status", "source")))
        return _json_answer(asdict(self.catalogue.page(search, offset=offset, volume_id=fields.get("volume", ""))))

    def _volume(self, volume_id: str) -> Answer:
        if volume_id not in self.catalogue:
            return _nothing()
        row = self.catalogue.row(volume_id)
        if row["status"] != Status.KEPT:
            return text_answer(HTTPStatus.NOT_FOUND, f"The volume is not stored: {details_of(row).absence}")
        try:
            levels = read_levels(self.catalogue.folder, row, build_id=self.catalogue.build_id)
        except DataError as error:
            return text_answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return Answer(HTTPStatus.OK, "application/octet-stream", nifti_of(levels, row["affine"]))


def _nothing() -> Answer:
    return text_answer(HTTPStatus.NOT_FOUND, "There is nothing of this name.")


def _json_answer(document: Any) -> Answer:
    content = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    return Answer(HTTPStatus.OK, "application/json", [content])


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        msg = "offset is no number"
        raise ValueError(msg)
    return int(text)
