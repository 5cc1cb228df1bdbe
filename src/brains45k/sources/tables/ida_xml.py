"""The XML file that LONI's archive puts beside an image: what is in it, read without following it anywhere."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from brains45k.sources.tables.unreadable import UnreadableError

_MAX_BYTES = 4 << 20
_MAX_ELEMENTS = 50_000
_NAME_IDS = re.compile(r"(?:_S(?P<series>\d+))?_I(?P<image>\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Description:
    """What an XML file says of one image; None where it says nothing."""

    image: str | None
    series: str | None
    subject: str | None
    visit: str | None
    description: str | None
    terms: Mapping[str, str]


def read_ida_xml(path: Path) -> list[Description] | None:
    """Read an XML file of the archive.

    Returns
    -------
    list of Description or None
        The image, or a processed image and the one it was made from. Empty if the file is about something else;
        None if it is a stub, which names an image and says nothing of it.

    Raises
    ------
    UnreadableError
        If the file is empty, too large, not well-formed, or declares a document type: that is where entities
        would be declared, and files of the archive have none.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if not content:
        raise UnreadableError("is empty")
    if len(content) > _MAX_BYTES:
        raise UnreadableError(f"is not read, being larger than {_MAX_BYTES >> 20} MiB")
    root = _parse(content)
    if root.tag == "metadata" and root.find("image") is not None:
        return None
    return list(_descriptions(root, path.stem)) if root.tag == "idaxs" else []


def _parse(content: bytes) -> Element:
    """Build the tree; names lose their namespace's prefix."""
    builder, elements = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > _MAX_ELEMENTS:
            raise UnreadableError(f"is not read, having more than {_MAX_ELEMENTS:,} elements")
        builder.start(_local(name), attributes)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnreadableError("is no well-formed XML", f"line {error.lineno}") from error
    except (LookupError, ValueError) as error:
        raise UnreadableError("is in an encoding that is not known", type(error).__name__) from error
    return builder.close()


def _refuse_doctype(*_: object) -> None:
    raise UnreadableError("is not read, because it declares a document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _descriptions(root: Element, stem: str) -> Iterator[Description]:
    """Give what is said of each image of each study."""
    named = _NAME_IDS.search(stem)
    for subject in root.iter("subject"):
        subject_id = subject.findtext("subjectIdentifier")
        visits = {visit.findtext("visitIdentifier") for visit in subject.findall("visit")}
        visit = visits.pop() if len(visits) == 1 else None
        for study in subject.findall("study"):
            series = study.findtext("series/seriesIdentifier") or (named and named["series"])
            for image, description, terms in _images(study):
                image_id = image or (named and named["image"])
                yield Description(image_id, series, subject_id, visit, description, terms)


def _images(study: Element) -> Iterator[tuple[str | None, str | None, Mapping[str, str]]]:
    """Give each image's id, description and protocol; a processed image has the protocol of its original."""
    for protocol in study.iter("imagingProtocol"):
        yield protocol.findtext("imageUID"), protocol.findtext("description"), _terms(protocol)
    originals = {image.findtext("imageUID"): image for image in study.iter("originalRelatedImage")}
    for product in study.iter("derivedProduct"):
        made_from = {image.findtext("imageUID") for image in product.findall("relatedImage")} & set(originals)
        original = originals[made_from.pop()] if len(made_from) == 1 else None
        terms = _terms(original) if original is not None else {}
        yield product.findtext("imageUID"), product.findtext("processedDataLabel"), terms
    for image_id, original in originals.items():
        if image_id:
            yield image_id, original.findtext("description"), _terms(original)


def _terms(node: Element) -> dict[str, str]:
    return {term.get("term", ""): term.text for term in node.iter("protocol") if term.text}
