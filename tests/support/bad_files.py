"""Image files from nothing, good ones and all kinds of bad ones, as bytes.

A file is built from its header's fields, so that each fault is one named field or one cut of the bytes.
"""

import gzip
import itertools
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import nibabel
import numpy as np
from numpy.typing import ArrayLike, NDArray

SPACING_MM = 4.0
SHAPE = (24, 23, 22)
LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Please log in.</body></html>\n"
ORIENTATIONS = tuple(
    "".join(codes)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for codes in itertools.product(*order)
)  # fmt: skip

_MEGABYTE = bytes(1 << 20)
_CODES = {
    "uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64, "int8": 256, "uint16": 512, "uint32": 768,
    "int64": 1024, "uint64": 1280, "complex64": 32, "complex128": 1792, "float128": 1536, "complex256": 2048,
}  # fmt: skip
_MGH_CODES = {"uint8": 0, "int32": 1, "float32": 3, "int16": 4}
_LAYOUTS = {1: nibabel.nifti1.header_dtype, 2: nibabel.nifti2.header_dtype}
_MAGICS = {1: b"n+1\0", 2: b"n+2\0\r\n\x1a\n"}


@cache
def head_voxels(shape: Sequence[int] = SHAPE) -> NDArray[np.int16]:
    """Make a smooth ball with a bright spot low, left and behind, on a background of zero; 0 to about 1000."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    ball = np.clip(1.15 - np.sqrt(x**2 + y**2 + z**2), 0, None) * 600
    spot = np.exp(-((x + 0.4) ** 2 + (y + 0.3) ** 2 + (z + 0.2) ** 2) * 20) * 300
    texture = np.random.default_rng(7).uniform(0.9, 1.1, shape)
    voxels = np.where(ball > 0, (ball + spot) * texture + 1, 0).astype(np.int16)
    voxels.setflags(write=False)
    return voxels


def diagonal(*spacing: float) -> NDArray[np.float64]:
    """Return the affine of a RAS grid whose centre is the origin, for one or three spacings."""
    steps = np.broadcast_to(spacing or (SPACING_MM,), 3)
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(SHAPE) - 1) / 2
    return affine


def rotated(affine: NDArray[np.float64], angle_deg: float) -> NDArray[np.float64]:
    """Turn an affine about the left-right axis."""
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    return np.asarray(turn @ affine)


def sheared(angle_deg: float) -> NDArray[np.float64]:
    """Lean the second axis towards the first; its length stays."""
    affine = diagonal()
    affine[:2, 1] = np.array([np.sin(np.deg2rad(angle_deg)), np.cos(np.deg2rad(angle_deg))]) * SPACING_MM
    return affine


def nifti(
    voxels: ArrayLike | None = None, *, order: str = "<", version: int = 1, affine: ArrayLike | None = None,
    extension: bytes = b"", **fields: Any,
) -> bytes:  # fmt: skip
    """Build a single-file NIfTI image (RAS, 4 mm, with an sform); ``fields`` overwrite the header's at last."""
    header, data = _nifti_parts(voxels, order=order, version=version, affine=affine, **fields)
    if extension and "vox_offset" not in fields:
        header["vox_offset"] = header.itemsize + 4 + len(extension)
    return header.tobytes() + (b"\1\0\0\0" if extension else bytes(4)) + extension + data


def nifti_pair(voxels: ArrayLike | None = None, **fields: Any) -> tuple[bytes, bytes]:
    """Build the .hdr and the .img of a NIfTI pair."""
    values: dict[str, Any] = {"magic": b"ni1", "vox_offset": 0, **fields}
    header, data = _nifti_parts(voxels, **values)
    return header.tobytes(), data


def analyze_pair(voxels: ArrayLike | None = None, **fields: Any) -> tuple[bytes, bytes]:
    """Build the .hdr and the .img of an Analyze 7.5 pair: no magic, no orientation."""
    values: dict[str, Any] = {"magic": b"", "sform_code": 0, "xyzt_units": 0, **fields}
    return nifti_pair(voxels, **values)


def mgh(voxels: ArrayLike | None = None, *, tags: bytes = b"", **fields: Any) -> bytes:
    """Build a FreeSurfer .mgh image, RAS, 4 mm."""
    data = np.asarray(head_voxels() if voxels is None else voxels)
    dims = (*data.shape, 1, 1)[:4]
    values = {
        "version": 1, "dims": dims, "type": _MGH_CODES[data.dtype.name], "goodRASFlag": 1, "delta": [SPACING_MM] * 3,
        "Mdc": np.eye(3).T, "Pxyz_c": (0, 0, 0),
    } | fields  # fmt: skip
    header = np.zeros((), nibabel.freesurfer.mghformat.header_dtype.newbyteorder(">"))
    for name, value in values.items():
        header[name] = value
    packed = header.tobytes().ljust(284, b"\0")[:284]
    return packed + data.astype(data.dtype.newbyteorder(">")).tobytes(order="F") + tags


def _nifti_parts(
    voxels: ArrayLike | None, *, order: str = "<", version: int = 1, affine: ArrayLike | None = None, **fields: Any
) -> tuple[NDArray[np.void], bytes]:
    data = np.asarray(head_voxels() if voxels is None else voxels)
    matrix = diagonal() if affine is None else np.asarray(affine)
    values = {
        "sizeof_hdr": _LAYOUTS[version].itemsize, "magic": _MAGICS[version], "dim": dim(*data.shape),
        "datatype": _CODES[data.dtype.name], "bitpix": data.dtype.itemsize * 8,
        "pixdim": pixdim(*np.linalg.norm(matrix[:3, :3], axis=0)), "vox_offset": _LAYOUTS[version].itemsize + 4,
        "scl_slope": 1, "xyzt_units": 2, "sform_code": 1,
        "srow_x": matrix[0], "srow_y": matrix[1], "srow_z": matrix[2],
    } | fields  # fmt: skip
    header = np.zeros((), _LAYOUTS[version].newbyteorder(order))
    for name, value in values.items():
        header[name] = value
    return header, data.astype(data.dtype.newbyteorder("<" if order == "<" else ">")).tobytes(order="F")


def dim(*lengths: int) -> tuple[int, ...]:
    """Return the eight numbers of a NIfTI header's ``dim``."""
    return (len(lengths), *lengths, *(1,) * (7 - len(lengths)))


def pixdim(*spacing: float, qfac: float = 1) -> tuple[float, ...]:
    """Return the eight numbers of a NIfTI header's ``pixdim``, for one or three spacings."""
    steps = np.broadcast_to(spacing, 3).tolist()
    return (qfac, *steps, 1, 1, 1, 1)


def qform(affine: ArrayLike | None = None, **fields: Any) -> dict[str, Any]:
    """Return the header fields that state an affine as a qform."""
    probe = nibabel.Nifti1Header()
    probe.set_qform(diagonal() if affine is None else np.asarray(affine), 1)
    names = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    stated = {name: float(probe[name]) for name in names}
    return {"qform_code": 1, **stated, "pixdim": tuple(probe["pixdim"].tolist()), **fields}


def oriented(voxels: NDArray[Any], affine: NDArray[np.float64], codes: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Store a RAS image with its axes along ``codes``; every voxel stays where it is in the world."""
    axes = ["RAS".index({"L": "R", "P": "A", "I": "S"}.get(code, code)) for code in codes]
    step = np.zeros((4, 4))
    step[3, 3] = 1
    data = voxels.transpose(axes)
    for stored, (axis, code) in enumerate(zip(axes, codes, strict=True)):
        flip = code in "LPI"
        step[axis, stored] = -1 if flip else 1
        step[axis, 3] = voxels.shape[axis] - 1 if flip else 0
        data = np.flip(data, stored) if flip else data
    return data, np.asarray(affine @ step)


def gz(content: bytes, level: int = 6, *, name: str = "") -> bytes:
    """Gzip, with a file name in the stream's header if one is given."""
    packed = gzip.compress(content, level, mtime=0)
    if not name:
        return packed
    return packed[:3] + b"\x08" + packed[4:10] + name.encode() + b"\0" + packed[10:]


def members(content: bytes, size: int) -> bytes:
    """Gzip into members of ``size`` bytes each, as bgzip does."""
    return b"".join(gz(content[start : start + size]) for start in range(0, len(content), size))


def bomb(head: bytes, *, megabytes: int) -> bytes:
    """Build a gzip stream of ``head`` and any number of zeros behind it, without compressing them one by one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(_MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    length = len(head) + (megabytes << 20)
    checksum = zlib.crc32(head)
    for _ in range(megabytes):
        checksum = zlib.crc32(_MEGABYTE, checksum)
    trailer = packer.flush() + struct.pack("<II", checksum, length % 2**32)
    return gz(b"")[:10] + first + block * megabytes + trailer


def extension(size: int, *, stated: int | None = None) -> bytes:
    """Build one NIfTI header extension that states another size than it has, if asked."""
    return struct.pack("<ii", size if stated is None else stated, 6).ljust(size, b"c")


def flip(content: bytes, position: int, bit: int = 0) -> bytes:
    """Flip one bit; a negative position counts from the end."""
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def spoiled(value: float, *, where: str, share: float = 0.0, dtype: str = "float32") -> NDArray[Any]:
    """Put a value into the head: at one ``corner``, in the ``middle``, ``everywhere``, or over a ``border`` share."""
    voxels = head_voxels().astype(dtype)
    middle = tuple(size // 2 for size in voxels.shape)
    if where == "border":
        voxels[0].flat[: int(share * voxels.size)] = value
    else:
        voxels[{"corner": (0, 0, 0), "middle": middle, "everywhere": (...,)}[where]] = value
    return voxels


def levels(count: int, *, top: float = 0.0, dtype: str = "int16") -> NDArray[Any]:
    """Make blobs of ``count`` values from 0, spread up to ``top`` if given: a label map."""
    steps = (head_voxels().astype(np.int64) * count // (int(head_voxels().max()) + 1)).astype(np.float64)
    return np.asarray(steps * (top / (count - 1)) if top else steps).astype(dtype)


def frames(*lengths: int) -> NDArray[np.int16]:
    """Repeat the head over further axes."""
    extra = head_voxels().reshape(*SHAPE, *(1,) * len(lengths))
    return np.broadcast_to(extra, (*SHAPE, *lengths))
