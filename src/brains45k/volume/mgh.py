"""Read and judge the header of a FreeSurfer MGH or MGZ volume."""

import math
import struct

import nibabel
import numpy as np
from nibabel.freesurfer.mghformat import MGHHeader

from brains45k.codes import Code
from brains45k.volume.header import Header, require_shape
from brains45k.volume.orientation import Orientation, choose_orientation
from brains45k.volume.refusal import RefusalError

_HEADER_BYTES = 284
_FLAG_OFFSET = 28
_VERSION = 1
_MAX_TAG_BYTES = 1 << 20


def parse_mgh(head: bytes) -> MGHHeader:
    """Read the header structure from an image's first bytes.

    Raises
    ------
    RefusalError
        ``E_MAGIC`` if these bytes are no MGH header, ``E_DTYPE`` for an unknown voxel type.
    """
    if len(head) < _HEADER_BYTES or struct.unpack(">i", head[:4])[0] != _VERSION:
        raise RefusalError(Code.E_MAGIC, f"begins with {head[:4].hex()}")
    header = MGHHeader(head[:_HEADER_BYTES], check=False)
    if int(header["type"]) not in nibabel.freesurfer.mghformat.data_type_codes.dtype:
        raise RefusalError(Code.E_DTYPE, f"type {int(header['type'])}")
    return header


def declared_bytes(head: bytes) -> int:
    """Tell from its first bytes how long an MGH image is, without the tags that may follow."""
    shape, dtype = _shape_and_dtype(parse_mgh(head))
    return _HEADER_BYTES + math.prod(shape) * dtype.itemsize


def declared_extent(head: bytes) -> tuple[tuple[int, ...], list[float], int]:
    """Tell from its first bytes an image's shape, its spacing in mm, unjudged, and the bytes of one voxel."""
    fields = parse_mgh(head)
    shape, dtype = _shape_and_dtype(fields)
    return shape, np.abs(np.asarray(fields["delta"], dtype=float)).tolist(), dtype.itemsize


def judge_header(head: bytes, *, image_bytes: int) -> Header:
    """Turn an MGH header into a :class:`Header`, or refuse it.

    Raises
    ------
    RefusalError
        With the code of the first thing that is wrong.
    """
    fields = parse_mgh(head)
    shape, dtype = _shape_and_dtype(fields)
    expected = declared_bytes(head)
    if not expected <= image_bytes <= expected + _MAX_TAG_BYTES:
        raise RefusalError(Code.E_SIZE, f"declares {expected:,} bytes, holds {image_bytes:,}")
    # nibabel fills in an orientation where this flag is not set, and sets the flag.
    oriented = struct.unpack_from(">h", head, _FLAG_OFFSET)[0] > 0
    # Without its flag FreeSurfer assumes a coronal scan; that is no statement of the file.
    sform = np.asarray(fields.get_affine(), dtype=np.float64) if oriented else None
    pixdim = np.asarray(fields["delta"], dtype=np.float64)
    chosen = choose_orientation(Orientation(pixdim=pixdim, sform=sform, qform=None), unit_mm=1.0)
    return Header(
        shape=shape, dtype=dtype, offset=_HEADER_BYTES, slope=1.0, intercept=0.0,
        spacing_mm=chosen.spacing_mm, affine=chosen.affine, oriented=chosen.oriented, remarks=chosen.remarks,
    )  # fmt: skip


def _shape_and_dtype(fields: MGHHeader) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    dtype = np.dtype(fields.get_data_dtype()).newbyteorder(">")
    x, y, z, frames = (int(length) for length in fields["dims"])
    # The format has no 3-D files: one frame is the usual case, no oddity.
    dims = (x, y, z) if frames == 1 else (x, y, z, frames)
    return require_shape(dims, itemsize=dtype.itemsize), dtype
