"""The run card: what a finished run was, learned and cost, for people (card.html) and for programs (card.json)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np

from brains45k.corpus.manifest import write_if_changed
from brains45k.training.card_page import NOT_FINITE, card_page
from brains45k.training.pictures import ALT_TEXT

# Grows when a key of card.json changes its meaning or goes.
CARD_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Count:
    """How much of the corpus lies somewhere."""

    volumes: int
    subjects: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """The corpus that a run saw.

    Attributes
    ----------
    build_id : str
        Names the corpus's build.
    splits : mapping of str to Count
        By split, over all sources.
    sources : mapping of str to mapping of str to Count
        By source, then by split.
    """

    build_id: str
    splits: Mapping[str, Count]
    sources: Mapping[str, Mapping[str, Count]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTerms:
    """What binds a user of a source, in the words of its file under ``config/sources``."""

    name: str
    title: str
    licence: str
    terms: Sequence[str]
    citation: Sequence[str]
    homepage: str


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """A network's name, and its parameters by part."""

    name: str
    encoder_parameters: int
    decoder_parameters: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The final validation loss, and what predicting the mean gives on the same patches; None is not measured."""

    val_loss: float | None
    mean_loss: float | None

    @property
    def learned_more(self) -> bool | None:
        """Whether the run learned more than the mean; None where a loss is missing or not finite."""
        if self.val_loss is None or self.mean_loss is None or not math.isfinite(self.val_loss + self.mean_loss):
            return None
        return self.val_loss < self.mean_loss

    @property
    def share_of_mean_loss(self) -> float | None:
        """The final loss as a share of that of predicting the mean; None where it has no finite value."""
        if self.learned_more is None or not self.val_loss or not self.mean_loss:
            return None
        return self.val_loss / self.mean_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run took; None is not measured. MB are millions of bytes.

    Attributes
    ----------
    trained_s : float, optional
        Time in training, of all sessions of the run together, without validations.
    patches_per_s : float, optional
        Over that time, all devices together.
    waiting_share : float, optional
        Share of that time that the device waited for data, 0 to 1.
    host_peak_mb, device_peak_mb : float, optional
        Largest resident memory of one process, and largest allocated memory of one device.
    """

    trained_s: float | None = None
    patches_per_s: float | None = None
    waiting_share: float | None = None
    host_peak_mb: float | None = None
    device_peak_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, by its path relative to the card's folder."""

    path: PurePath
    caption: str
    alt: str = ALT_TEXT


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that the run left, by its path relative to the card's folder."""

    path: PurePath
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything that a run card says.

    Attributes
    ----------
    name : str
        Of the run.
    started_utc, finished_utc : str
        As the card shall show them.
    settings : mapping
        Nested plain data.
    history : sequence of mapping
        Rows with ``step`` and any of ``epoch``, ``train_loss``, ``val_loss``, ``mean_loss`` (of predicting the mean, on
        the validation patches), ``learning_rate``, ``patches_per_s``, ``waiting_share`` and others; a value may be
        absent, None or not finite. Rows of training and of validation may alternate.
    pictures : sequence of Picture
        The most telling first: a page that would grow too large names the last ones only.
    resumed_at_steps : sequence of int
        Steps at which an interrupted run went on.
    """

    name: str
    started_utc: str
    finished_utc: str
    verdict: Verdict
    cost: Cost
    network: NetworkSize
    settings: Mapping[str, Any]
    corpus: Corpus
    terms: Sequence[SourceTerms]
    history: Sequence[Mapping[str, Any]]
    hardware: Sequence[str]
    versions: Mapping[str, str]
    pictures: Sequence[Picture] = ()
    resumed_at_steps: Sequence[int] = ()
    files: Sequence[RunFile] = ()


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json`` and ``card.html``, each in one move; the same card gives the same bytes.

    A picture that cannot be read does not stop the card: the page says so in its place.

    Raises
    ------
    TypeError
        If a setting or a row of the history holds something else than plain data.
    """
    document = card_document(card)
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    write_if_changed(folder / "card.json", _bytes(f"{text}\n"))
    write_if_changed(folder / "card.html", _bytes(card_page(document, folder)))


def card_document(card: Card) -> dict[str, Any]:
    """Return what card.json holds: the card as plain data, and what follows from it.

    A figure that is absent is null; one that is not finite is "NaN", "Infinity" or "-Infinity", since JSON has no
    number for it (``float`` of Python and ``Number`` of JavaScript read these back).
    """
    document = {"format": CARD_FORMAT, **_plain(card)}
    verdict = {"learned_more": card.verdict.learned_more, "share_of_mean_loss": card.verdict.share_of_mean_loss}
    document["verdict"] |= _plain(verdict)
    document["network"]["parameters"] = card.network.encoder_parameters + card.network.decoder_parameters
    document["last_step"] = max(
        (row["step"] for row in document["history"] if row.get("step") is not None), default=None
    )
    return document


def _plain(value: Any) -> Any:
    """Return plain data that JSON can hold."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return NOT_FINITE[str(value)]
    return value


def _bytes(text: str) -> bytes:
    # A name may hold bytes that are no UTF-8; JSON reads the escape back, and a card is written in any case.
    return text.encode(errors="backslashreplace")
