"""A candidate: one file, or one channel of a file, that could become a volume of the corpus."""

import hashlib
import re
from dataclasses import dataclass, field

from brains45k.codes import Code
from brains45k.sources.catalog import Channel, Contrast, Layout, Source
from brains45k.sources.series import Kind, SeriesName, classify
from brains45k.sources.walk import DICOM, FoundFile

_ID_PART_LENGTH = 40
_KIND_BY_SUFFIX = {
    "dwi": Kind.DIFFUSION, "bold": Kind.FUNCTIONAL, "asl": Kind.PERFUSION, "fieldmap": Kind.FIELDMAP,
    "ADC": Kind.DERIVED, "minIP": Kind.DERIVED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a selection says of a candidate: taken, or the code and detail of why not."""

    code: Code | None = None
    detail: str = ""

    @property
    def taken(self) -> bool:
        """Whether the selection takes the candidate."""
        return self.code is None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Everything that is known of a candidate before it is opened."""

    volume_id: str
    source: str
    file: FoundFile
    layout: Layout | None
    fields: dict[str, str]
    channel: Channel | None
    name: SeriesName
    reference: Verdict = field(default=Verdict())
    clean: Verdict = field(default=Verdict())
    flags: tuple[Code, ...] = ()
    # Of a DICOM series that holds several images, those that stay out of the corpus.
    without: tuple[str, ...] = ()

    @property
    def subject(self) -> str | None:
        """The subject as found in the path."""
        return self.fields.get("subject")

    @property
    def session(self) -> str | None:
        """The session as found in the path."""
        return self.fields.get("session")

    @property
    def series(self) -> str | None:
        """The series, or whatever stands in its place in the layout."""
        return series_of(self.fields)

    def verdict(self, selection: str) -> Verdict:
        """Return the verdict of ``reference`` or ``clean``."""
        return self.reference if selection == "reference" else self.clean


def candidates_of(source: Source, file: FoundFile, *, above: str = "") -> list[Candidate]:
    """Turn one found file into its candidates: one, or one per channel where the source has channels.

    ``above`` names the folders that end in the root: a layout may spell more than lies below it.
    """
    match = None if is_hidden(file.path) else source.match(f"{above}{file.path}")
    layout, fields = match if match else (None, {})
    channels = source.channels if layout and layout.role == "image" else ()
    return [
        Candidate(
            volume_id=volume_id(source.name, file.path, fields, channel, unique=_unique(file, fields)),
            source=source.name,
            file=file,
            layout=layout,
            fields=fields,
            channel=channel,
            name=_series_name(source, layout, fields, channel),
        )
        for channel in channels or (None,)
    ]


def _unique(file: FoundFile, fields: dict[str, str]) -> str:
    """Return the part of a path that tells a candidate apart: of a DICOM series the folder, whatever its slices."""
    path = fields.get("matched", file.path)
    return path.rpartition("/")[0] if file.extension == DICOM else path


def series_of(fields: dict[str, str]) -> str | None:
    """Return the series that a path names, or whatever stands in its place in the layout."""
    return fields.get("series") or fields.get("image") or fields.get("scan")


def is_hidden(path: str) -> bool:
    """Tell whether a path names a hidden side file of the operating system.

    >>> is_hidden("imagesTs/._BRATS_485.nii.gz"), is_hidden(".trash/a.nii"), is_hidden("a/b.nii")
    (True, True, False)
    """
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def volume_id(source: str, path: str, fields: dict[str, str], channel: Channel | None, *, unique: str) -> str:
    """Name a volume: readable parts, and a digest of ``unique`` that keeps names apart for good.

    ``unique`` is the part of the path that the layout spells, so that a name stays the same when the root is
    moved up or down. No dots and no spaces: the reference code cut names at dots and lost volumes by it.
    """
    stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
    label = series_of(fields) or stem
    readable = [fields.get("subject"), fields.get("session"), label, channel.name if channel else None]
    parts = [re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-")[:_ID_PART_LENGTH] for part in readable if part]
    key = f"{unique}\0{channel.name if channel else ''}"
    digest = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:8]
    return "_".join([source, *(part for part in parts if part), digest])


def _series_name(source: Source, layout: Layout | None, fields: dict[str, str], channel: Channel | None) -> SeriesName:
    """Find the contrast: by channel, by the source's tables, by the layout, or else by the series' name."""
    contrast = _stated_contrast(source, layout, fields, channel)
    if contrast:
        kind = _KIND_BY_SUFFIX.get(contrast.suffix, Kind.IMAGE)
        return SeriesName(
            suffix=contrast.suffix,
            kind=kind,
            contrast_agent=contrast.contrast_agent,
            copy=False,
            rule="source file",
        )
    return classify(series_of(fields) or "")


def _stated_contrast(
    source: Source, layout: Layout | None, fields: dict[str, str], channel: Channel | None
) -> Contrast | None:
    if channel:
        return channel.contrast
    stated = source.series_overrides.get(fields.get("series", "")) or source.images.get(fields.get("image", "").lower())
    if stated is None and layout and layout.suffix:
        return Contrast(layout.suffix)
    return stated
