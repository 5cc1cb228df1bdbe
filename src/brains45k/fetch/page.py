"""Tell a web page from the file that was asked for: a login page comes with status 200 and any name."""

from brains45k.volume.container import looks_like_text

#: As much of a file's beginning as is looked at.
HEAD_BYTES = 1024

_PAGES = (".html", ".htm", ".xhtml")
# Files in whose place no text can stand.
_BINARY = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".nii", ".mgz", ".dcm", ".xlsx", ".pdf")
_OPENINGS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title", b"<meta")
# An XML declaration, a comment: a page may begin behind it.
_PREFACES = (b"<?xml", b"<!--")
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def is_unasked_page(head: bytes, name: str) -> bool:
    r"""Tell by its beginning whether a web page or a message came instead of a file.

    Parameters
    ----------
    head : bytes
        The first bytes, :data:`HEAD_BYTES` of them or all that there are.
    name : str
        The file's name: a page may be called ``.html``, and no text an archive or an image.

    Examples
    --------
    >>> is_unasked_page(b"<!DOCTYPE html><title>Log in</title>", "a.json"), is_unasked_page(b'{"error": 1}', "a.zip")
    (True, True)
    >>> is_unasked_page(b'{"error": 1}', "a.json"), is_unasked_page(b"PK\x03\x04\x14\x00", "a.zip")
    (False, False)
    """
    lower = name.lower()
    if lower.endswith(_PAGES):
        return False
    return _is_html(head) or (lower.endswith(_BINARY) and looks_like_text(head))


def _is_html(head: bytes) -> bool:
    plain = head.replace(b"\0", b"")[2:] if head.startswith(_UTF16_MARKS) else head.removeprefix(_UTF8_MARK)
    text = plain.lstrip().lower()
    return text.startswith(_OPENINGS) or (text.startswith(_PREFACES) and b"<html" in text)
