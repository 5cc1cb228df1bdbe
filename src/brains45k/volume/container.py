"""From a file to the bytes of an image: tell containers apart, inflate gzip, check it to its end.

nibabel does not read a gzip stream to its end, so that a flipped bit goes unnoticed; here the stream's
checksum and length are always checked, and never more is inflated than the header declares.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import deflate
from isal import isal_zlib

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError, Remark

#: More than any image header with usual extensions; what is inflated to learn the declared size.
HEAD_BYTES = 4096
#: What may be inflated past the declared size before the stream is given up.
SLACK_BYTES = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
_DEFLATE_MEMBER = b"\x1f\x8b\x08"
_RESERVED_FLAGS = b"\x20"
# The last bytes of a gzip stream: how long its last member inflates.
_LENGTH_BYTES = 4
# Deflate cannot compress better than 1,032 to 1: a larger claim is a lie.
_DEFLATE_MAX_RATIO = 1032
# A large file whose voxels compress this well is all background: it is not worth the memory that it asks.
_LARGE_BYTES = 128 << 20
_IMAGE_MAX_RATIO = 200
#: What is looked at to inflate the head: a gzip header may hold 64 KiB of extra fields itself.
HEAD_SAMPLE_BYTES = 1 << 17
# How much is fed at once where another member may follow, because what a member leaves over is copied.
_CHUNK_BYTES = 1 << 16
# A stream this many times longer than declared is a bomb; below it, a header with wrong dimensions.
_BOMB_FACTOR = 16
_TEXT_SAMPLE_BYTES = 512
_PRINTABLE_SHARE = 0.97
_PRINTABLE = b"\t\n\r" + bytes(range(ord(" "), 256))
_OTHER_CODECS = {
    b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7z",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes of an image file as a reader wants them."""

    content: bytes | bytearray
    remarks: tuple[Remark, ...] = ()


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if it vanished, ``E_UNREADABLE`` if the system forbids it, ``E_EMPTY`` if it is empty.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RefusalError(Code.E_CHANGED, "the file vanished") from error
    except OSError as error:
        raise RefusalError(Code.E_UNREADABLE, error.strerror or str(error)) from error
    if not content:
        raise RefusalError(Code.E_EMPTY)
    return content


def is_gzip(content: bytes) -> bool:
    """Tell whether bytes begin a gzip stream."""
    return content.startswith(_GZIP_MAGIC)


def unpack(content: bytes, *, named_gz: bool, declared_bytes: Callable[[bytes], int]) -> Payload:
    """Inflate a file's content if it is gzip, whatever its name says.

    Parameters
    ----------
    content : bytes
        The file as it lies on disk.
    named_gz : bool
        Whether the file's name promises gzip.
    declared_bytes : callable
        Tells from the first bytes of the image how long the whole image is, in bytes.

    Raises
    ------
    RefusalError
        ``E_NOT_IMAGE``, ``E_CODEC``, ``E_GZ_TRUNC``, ``E_GZ_CRC``, ``E_BOMB``, ``E_SIZE``, ``E_DIM_BOMB``,
        or what ``declared_bytes`` raises.
    """
    compressed = is_gzip(content)
    remarks = (Remark(Code.R_EXT, "gzip" if compressed else "not gzip"),) if compressed != named_gz else ()
    if not compressed:
        require_image(content)
        return Payload(content, remarks)
    head = inflate_head(content)
    require_image(head)
    expected = declared_bytes(head)
    if expected > len(content) * (_IMAGE_MAX_RATIO if expected > _LARGE_BYTES else _DEFLATE_MAX_RATIO):
        _refuse_truncated(content)
        raise RefusalError(Code.E_DIM_BOMB, f"declares {expected:,} bytes in a file of {len(content):,}")
    at_once = _inflate_at_once(content, expected)
    if at_once is not None:
        return Payload(at_once, remarks)
    image, tail = _inflate_all(content, expected)
    return Payload(image, remarks + tail)


def require_image(head: bytes) -> None:
    """Refuse first bytes that are text or another kind of archive.

    Raises
    ------
    RefusalError
        ``E_CODEC`` or ``E_NOT_IMAGE``.
    """
    codec = next((name for magic, name in _OTHER_CODECS.items() if head.startswith(magic)), None)
    if codec:
        raise RefusalError(Code.E_CODEC, codec)
    if looks_like_text(head):
        shown = " ".join(head[:60].decode("utf-8", "replace").split())
        raise RefusalError(Code.E_NOT_IMAGE, f"begins with {shown!r}")


def looks_like_text(head: bytes) -> bool:
    """Tell whether a file's first bytes are text: an HTML page, JSON, a table.

    >>> looks_like_text(b"<!DOCTYPE html><title>Log in</title>"), looks_like_text(bytes(352))
    (True, False)
    """
    sample = head[:_TEXT_SAMPLE_BYTES]
    unprintable = sample.translate(None, delete=_PRINTABLE)
    return bool(sample) and 0 not in sample and len(unprintable) <= (1 - _PRINTABLE_SHARE) * len(sample)


def inflate_head(content: bytes) -> bytes:
    """Inflate the first bytes of the image, from as many gzip members as that takes.

    Raises
    ------
    RefusalError
        ``E_GZ_CRC``, ``E_GZ_TRUNC`` or ``E_EMPTY``.
    """
    head, rest, ended = b"", content[:HEAD_SAMPLE_BYTES], False
    try:
        while len(head) < HEAD_BYTES and rest.startswith(_GZIP_MAGIC):
            stream = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
            head += stream.decompress(rest, HEAD_BYTES - len(head))
            rest, ended = stream.unused_data, stream.eof
    except isal_zlib.error as error:
        raise RefusalError(Code.E_GZ_CRC, str(error)) from error
    if len(head) < HEAD_BYTES and not ended:
        raise RefusalError(Code.E_GZ_TRUNC, f"{len(head):,} bytes inflate")
    if not head:
        raise RefusalError(Code.E_EMPTY, "The gzip stream holds nothing.")
    return head


def _refuse_truncated(content: bytes) -> None:
    """Refuse a stream that breaks off: what is left of a download declares too much as well."""
    stream = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        for start in range(0, len(content), _CHUNK_BYTES):
            stream.decompress(content[start : start + _CHUNK_BYTES])
    except isal_zlib.error as error:
        raise RefusalError(Code.E_GZ_CRC, str(error)) from error
    if not stream.eof:
        raise RefusalError(Code.E_GZ_TRUNC, f"{len(content):,} bytes are left")


def _inflate_at_once(content: bytes, expected: int) -> bytearray | None:
    """Inflate the usual file, one member of just the declared length, a third faster; None for anything else.

    libdeflate checks the checksum, but tells neither what is wrong nor where a member ends.
    """
    if content[-_LENGTH_BYTES:] != (expected % (1 << 32)).to_bytes(_LENGTH_BYTES, "little") or _may_hold_more(content):
        return None
    try:
        image: bytearray = deflate.gzip_decompress(content, expected)
    except deflate.DeflateError:
        return None
    return image if len(image) == expected else None


def _may_hold_more(content: bytes) -> bool:
    """Tell whether bytes like the start of another gzip member lie behind the first; chance makes them now and then."""
    place = content.find(_DEFLATE_MEMBER, 1)
    while place >= 0:
        flags = place + len(_DEFLATE_MEMBER)
        if content[flags : flags + 1] < _RESERVED_FLAGS:
            return True
        place = content.find(_DEFLATE_MEMBER, place + 1)
    return False


def _inflate_all(content: bytes, expected: int) -> tuple[bytes, tuple[Remark, ...]]:
    """Inflate all gzip members, at most ``expected`` bytes and a little, and check each to its end."""
    parts: list[bytes] = []
    room = expected + SLACK_BYTES
    position = 0
    remarks: tuple[Remark, ...] = ()
    while position < len(content):
        if not content.startswith(_GZIP_MAGIC, position):
            remarks = (Remark(Code.R_GZ_TAIL, f"{len(content) - position:,} bytes behind the stream"),)
            break
        part, position = _inflate_member(content, position, room, expected)
        parts.append(part)
        room -= len(part)
    if remarks and sum(map(len, parts)) < expected:
        raise RefusalError(Code.E_GZ_CRC, remarks[0].detail)
    return (parts[0] if len(parts) == 1 else b"".join(parts)), remarks


def _inflate_member(content: bytes, start: int, room: int, expected: int) -> tuple[bytes, int]:
    """Inflate the member that begins at ``start``; return it and where it ends."""
    stream = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
    pieces: list[bytes] = []
    # The first member is mostly the only one.
    step = _CHUNK_BYTES if start else len(content)
    try:
        while room > 0 and start < len(content) and not stream.eof:
            pieces.append(stream.decompress(content[start : start + step], room))
            start += step
            room -= len(pieces[-1])
    except isal_zlib.error as error:
        raise RefusalError(Code.E_GZ_CRC, str(error)) from error
    if room <= 0:
        raise _too_long(content, expected)
    if not stream.eof:
        # All voxels are there and only the trailer is not: the checksum cannot be checked.
        inflated = expected + SLACK_BYTES - room
        code = Code.E_GZ_CRC if inflated >= expected else Code.E_GZ_TRUNC
        raise RefusalError(code, f"{inflated:,} of {expected:,} bytes inflate")
    part = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return part, min(start, len(content)) - len(stream.unused_data)


def _too_long(content: bytes, expected: int) -> RefusalError:
    """Tell a wrong header from a bomb by the length that the stream itself states (modulo 4 GiB)."""
    (stated,) = struct.unpack("<I", content[-4:])
    ordinary = stated <= _BOMB_FACTOR * expected and expected < stated
    code = Code.E_SIZE if ordinary else Code.E_BOMB
    return RefusalError(code, f"the header declares {expected:,} bytes, the stream goes on beyond them")
