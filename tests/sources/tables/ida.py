"""XML files and tables as LONI's archive gives them, for tests."""

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

PROTOCOL = {
    "Acquisition Type": "3D",
    "Weighting": "T1",
    "Pulse Sequence": "GR/IR",
    "Slice Thickness": "1.2",
    "TE": "2.98",
    "TR": "2300.0",
    "TI": "900.0",
    "Coil": "PA",
    "Flip Angle": "9.0",
    "Acquisition Plane": "SAGITTAL",
    "Matrix X": "240.0",
    "Manufacturer": "SIEMENS",
    "Mfg Model": "TrioTim",
    "Field Strength": "3.0",
}
STUB = '<?xml version="1.0"?><metadata version="1.0"><subject id="3051"/><image uid="I223766"/></metadata>'
COLLECTION_HEADER = (
    '"Image Data ID","Subject","Group","Sex","Age","Visit","Modality","Description","Type","Acq Date","Format",'
    '"Downloaded"\n'
)


def collection_row(image: str, subject: str, visit: str, description: str) -> str:
    return (
        f'"{image}","{subject}","CN","F","67","{visit}","MRI","{description}","Original","1/29/2018","DCM",'
        '"2/01/2018"\n'
    )


def terms(protocol: Mapping[str, str]) -> str:
    protocols = "".join(f'<protocol term="{term}">{escape(value)}</protocol>' for term, value in protocol.items())
    return f"<protocolTerm>{protocols}</protocolTerm>"


def imaging(image: str, description: str, protocol: Mapping[str, str] = PROTOCOL) -> str:
    return (
        f"<imagingProtocol><imageUID>{image}</imageUID><description>{escape(description)}</description>"
        f"{terms(protocol)}</imagingProtocol>"
    )


def processed(image: str, label: str, *, original: str, description: str) -> str:
    return (
        f"<derivedProduct><imageUID>{image}</imageUID><processedDataLabel>{label}</processedDataLabel>"
        f"<relatedImage><imageUID>{original}</imageUID><relation>derived from</relation></relatedImage>"
        f"<creationDate>0000-00-00</creationDate></derivedProduct><relatedImageDetail><originalRelatedImage>"
        f"<imageUID>{original}</imageUID><description>{description}</description>{terms(PROTOCOL)}"
        "</originalRelatedImage></relatedImageDetail>"
    )


def idaxs(subject: str, visit: str, series: str, *, raw: str = "", derived: str = "") -> str:
    levels = f"<seriesLevelMeta>{derived}</seriesLevelMeta>" if derived else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<idaxs xmlns="http://ida.loni.usc.edu" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="/xsds/idaxs_2_0.xsd">\n'
        '<project xmlns=""><projectIdentifier>ADNI</projectIdentifier>'
        f"<subject><subjectIdentifier>{subject}</subjectIdentifier><researchGroup>CN</researchGroup>"
        f"<subjectSex>F</subjectSex><visit><visitIdentifier>{visit}</visitIdentifier></visit>"
        "<study><studyIdentifier>9</studyIdentifier><subjectAge>75.05</subjectAge><weightKg>63.5</weightKg>"
        f"<series><seriesIdentifier>{series}</seriesIdentifier><modality>MRI</modality>"
        f"<dateAcquired>2012-05-10 15:44:50.0</dateAcquired>{levels}</series>{raw}</study></subject>"
        "</project></idaxs>\n"
    )


def write(root: Path, name: str, content: str | bytes) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return name
