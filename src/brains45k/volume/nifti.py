"""Read and judge a NIfTI-1, NIfTI-2 or Analyze 7.5 header."""

import io
import struct

import nibabel
import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume.header import Header, require_shape
from brains45k.volume.orientation import Orientation, choose_orientation
from brains45k.volume.refusal import RefusalError, Remark

_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540
_EXTENSION_FLAG_BYTES = 4
_MAX_AXES = 7
_MM_BY_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_MM = 2
_RGB_TYPES = {128, 2304}
_COMPLEX_TYPES = {32, 1792, 2048}
_MAX_SCALE = 1e20
_INTERCEPT_TO_SLOPE = 1e4
_QUATERNION = ("quatern_b", "quatern_c", "quatern_d")
_QUATERNION_SLACK = 1e-3
_MAGICS = {_NIFTI1_BYTES: {b"n+1", b"ni1"}, _NIFTI2_BYTES: {b"n+2", b"ni2"}}
# More than any extension: an offset beyond it is damage.
_MAX_OFFSET_BYTES = 64 << 20
_HUGE_EXTENSION_BYTES = 1 << 20


def parse_nifti(head: bytes) -> nibabel.Nifti1Header:
    """Read the header structure from an image's first bytes, without judging it.

    Raises
    ------
    RefusalError
        ``E_MAGIC`` if these bytes are no NIfTI header, ``E_HEADER`` if they end too early.
    """
    sizes = {order: struct.unpack(f"{order}i", head[:4])[0] for order in "<>"} if len(head) >= 4 else {}  # noqa: PLR2004
    order, size = next(((o, s) for o, s in sizes.items() if s in {_NIFTI1_BYTES, _NIFTI2_BYTES}), ("", 0))
    if not size:
        raise RefusalError(Code.E_MAGIC, f"begins with {head[:4].hex()}")
    if len(head) < size:
        raise RefusalError(Code.E_HEADER, f"the file ends after {len(head)} bytes")
    kind = nibabel.Nifti1Header if size == _NIFTI1_BYTES else nibabel.Nifti2Header
    header = kind(head[:size], endianness=order, check=False)
    magic = bytes(header["magic"].tobytes())[:3]
    if magic not in _MAGICS[size]:
        raise RefusalError(Code.E_MAGIC, f"magic {magic!r}")
    return header


def parse_analyze(head: bytes) -> nibabel.Nifti1Header:
    """Read an Analyze 7.5 header (or the header of a NIfTI pair) as NIfTI without orientation."""
    try:
        return parse_nifti(head)
    except RefusalError as refusal:
        if refusal.code is not Code.E_MAGIC or len(head) < _NIFTI1_BYTES:
            raise
    order = ">" if struct.unpack("<i", head[:4])[0] != _NIFTI1_BYTES else "<"
    analyze = nibabel.Spm99AnalyzeHeader.from_fileobj(io.BytesIO(head[:_NIFTI1_BYTES]), endianness=order, check=False)
    if analyze["sizeof_hdr"] != _NIFTI1_BYTES:
        raise RefusalError(Code.E_MAGIC, f"begins with {head[:4].hex()}")
    header = nibabel.Nifti1Header(endianness=order)
    for name in ("dim", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope"):
        header[name] = analyze[name]
    header["xyzt_units"] = _UNIT_MM
    return header


def declared_bytes(head: bytes) -> int:
    """Tell from its first bytes how long a single-file NIfTI image is."""
    fields = parse_nifti(head)
    shape, dtype = _shape(fields), _dtype(fields)
    return max(_voxel_offset(fields), _minimum_offset(fields)) + int(np.prod(shape)) * dtype.itemsize


def declared_extent(head: bytes) -> tuple[tuple[int, ...], list[float], int]:
    """Tell from its first bytes an image's shape, its spacing in mm, unjudged, and the bytes of one voxel."""
    fields = parse_analyze(head)
    unit_mm = _MM_BY_UNIT.get(int(fields["xyzt_units"]) & 0x07, 1.0)
    return _shape(fields), (np.abs(fields["pixdim"][1:4].astype(float)) * unit_mm).tolist(), _dtype(fields).itemsize


def pair_bytes(fields: nibabel.Nifti1Header) -> int:
    """Tell from the header of a pair how long the file with the voxels is."""
    return _voxel_offset(fields) + int(np.prod(_shape(fields))) * _dtype(fields).itemsize


def judge_header(fields: nibabel.Nifti1Header, head: bytes, *, image_bytes: int, single_file: bool) -> Header:
    """Turn a NIfTI header into a :class:`Header`, or refuse it.

    Parameters
    ----------
    fields : nibabel.Nifti1Header
        From :func:`parse_nifti` or :func:`parse_analyze`.
    head : bytes
        The image's first bytes, for its extensions.
    image_bytes : int
        Length of the file that holds the voxels, inflated.
    single_file : bool
        Whether header and voxels share a file.

    Raises
    ------
    RefusalError
        With the code of the first thing that is wrong.
    """
    shape, dtype = _shape(fields), _dtype(fields)
    voxel_bytes = int(np.prod(shape)) * dtype.itemsize
    offset, remarks = _judge_offset(fields, voxel_bytes, image_bytes, single_file=single_file)
    if image_bytes != offset + voxel_bytes:
        raise RefusalError(Code.E_SIZE, f"declares {offset + voxel_bytes:,} bytes, holds {image_bytes:,}")
    if single_file:
        remarks += _judge_extensions(fields, head, offset)
    slope, intercept, scale_remarks = _judge_scaling(fields, dtype)
    unit_mm, unit_remarks = _judge_units(fields)
    orientation = choose_orientation(_orientation(fields, analyze=not single_file), unit_mm=unit_mm)
    return Header(
        shape=shape, dtype=dtype, offset=offset, slope=slope, intercept=intercept,
        spacing_mm=orientation.spacing_mm, affine=orientation.affine, oriented=orientation.oriented,
        intent_code=int(fields["intent_code"]), remarks=remarks + scale_remarks + unit_remarks + orientation.remarks,
    )  # fmt: skip


def _shape(fields: nibabel.Nifti1Header) -> tuple[int, ...]:
    axes = int(fields["dim"][0])
    if not 1 <= axes <= _MAX_AXES:
        raise RefusalError(Code.E_HEADER, f"dim[0] is {axes}")
    itemsize = max(1, int(fields["bitpix"]) // 8)
    return require_shape(tuple(int(length) for length in fields["dim"][1 : axes + 1]), itemsize=itemsize)


def _dtype(fields: nibabel.Nifti1Header) -> np.dtype[np.generic]:
    code, bits = int(fields["datatype"]), int(fields["bitpix"])
    if code in _RGB_TYPES:
        raise RefusalError(Code.E_RGB)
    if code in _COMPLEX_TYPES:
        raise RefusalError(Code.E_COMPLEX)
    try:
        dtype: np.dtype[np.generic] = np.dtype(nibabel.nifti1.data_type_codes.dtype[code]).newbyteorder(
            fields.endianness
        )
    except KeyError as error:
        raise RefusalError(Code.E_DTYPE, f"datatype code {code}") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:  # noqa: PLR2004 - float128 is not portable
        raise RefusalError(Code.E_DTYPE, f"datatype code {code}")
    if dtype.itemsize * 8 != bits:
        raise RefusalError(Code.E_HEADER, f"datatype {dtype.name} with {bits} bits a voxel")
    return dtype


def _minimum_offset(fields: nibabel.Nifti1Header) -> int:
    return int(fields["sizeof_hdr"]) + _EXTENSION_FLAG_BYTES


def _voxel_offset(fields: nibabel.Nifti1Header) -> int:
    offset = float(fields["vox_offset"])
    if not 0 <= offset <= _MAX_OFFSET_BYTES or offset != int(offset):
        raise RefusalError(Code.E_OFFSET, f"voxel offset {offset}")
    return int(offset)


def _judge_offset(
    fields: nibabel.Nifti1Header, voxel_bytes: int, image_bytes: int, *, single_file: bool
) -> tuple[int, tuple[Remark, ...]]:
    offset = _voxel_offset(fields)
    minimum = _minimum_offset(fields) if single_file else 0
    if offset >= minimum:
        if offset > image_bytes:
            raise RefusalError(Code.E_OFFSET, f"voxel offset {offset:,} in {image_bytes:,} bytes")
        return offset, ()
    if image_bytes == minimum + voxel_bytes:
        return minimum, (Remark(Code.R_OFFSET, f"{offset} to {minimum}"),)
    raise RefusalError(Code.E_OFFSET, f"voxel offset {offset} lies inside the header")


def _judge_extensions(fields: nibabel.Nifti1Header, head: bytes, offset: int) -> tuple[Remark, ...]:
    """Walk the header's extension blocks: they are never used, but one that overruns betrays damage."""
    position = _minimum_offset(fields)
    if len(head) < position or head[position - _EXTENSION_FLAG_BYTES] == 0:
        return ()
    if offset - position > _HUGE_EXTENSION_BYTES:
        return (Remark(Code.R_EXT_DROP, f"{offset - position:,} bytes of extensions"),)
    while position + 8 <= min(offset, len(head)):
        (size,) = struct.unpack(f"{fields.endianness}i", head[position : position + 4])
        if size > offset - position:
            raise RefusalError(Code.E_HEADER, f"an extension of {size:,} bytes overruns the voxels")
        if size < 8 or size % 16:  # noqa: PLR2004 - the format's own numbers
            return (Remark(Code.R_EXT_DROP, f"an extension of {size} bytes"),)
        position += size
    return ()


def _judge_scaling(
    fields: nibabel.Nifti1Header, dtype: np.dtype[np.generic]
) -> tuple[float, float, tuple[Remark, ...]]:
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0:
        return 1.0, 0.0, ()
    finite = np.isfinite([slope, intercept]).all() and abs(slope) < _MAX_SCALE and abs(intercept) < _MAX_SCALE
    if not finite:
        # Some writers put NaN for "no scaling"; else an integer type has a range of its own to fall back on.
        unset = np.isnan(slope) and (np.isnan(intercept) or intercept == 0)
        if dtype.kind == "f" and not unset:
            raise RefusalError(Code.E_SCALE, f"slope {slope}, intercept {intercept}")
        return 1.0, 0.0, (Remark(Code.R_SCALE, f"slope {slope}, intercept {intercept}"),)
    remarkable = dtype.kind == "f" and abs(intercept) > _INTERCEPT_TO_SLOPE * abs(slope)
    return slope, intercept, ((Remark(Code.F_SCALE, f"intercept {intercept}"),) if remarkable else ())


def _judge_units(fields: nibabel.Nifti1Header) -> tuple[float, tuple[Remark, ...]]:
    unit = int(fields["xyzt_units"]) & 0x07
    if unit not in _MM_BY_UNIT:
        raise RefusalError(Code.E_HEADER, f"unit of length {unit}")
    if unit == _UNIT_MM:
        return 1.0, ()
    remark = Remark(Code.F_UNITS) if unit == 0 else Remark(Code.R_UNITS, f"x {_MM_BY_UNIT[unit]}")
    return _MM_BY_UNIT[unit], (remark,)


def _orientation(fields: nibabel.Nifti1Header, *, analyze: bool) -> Orientation:
    """Collect what the header states of orientation, unjudged; a broken quaternion is no statement."""
    sform = fields.get_sform() if int(fields["sform_code"]) > 0 else None
    qform = None
    if int(fields["qform_code"]) > 0:
        qform = _qform(fields)
    pixdim = np.asarray(fields["pixdim"][1:4], dtype=np.float64)
    return Orientation(pixdim=pixdim, sform=sform, qform=qform, sign_is_convention=analyze)


def _qform(fields: nibabel.Nifti1Header) -> npt.NDArray[np.float64] | None:
    usable = fields.copy()
    pixdim = np.abs(np.asarray(fields["pixdim"][1:4], dtype=np.float64))
    usable["pixdim"][1:4] = pixdim
    usable["pixdim"][0] = -1 if fields["pixdim"][0] == -1 else 1
    quaternion = np.array([fields[name] for name in _QUATERNION], dtype=np.float64)
    length = float(np.linalg.norm(quaternion))
    if 1 < length <= 1 + _QUATERNION_SLACK:
        # A half turn, rounded: nibabel would refuse it, the format's own library takes it.
        for name, value in zip(_QUATERNION, quaternion / length, strict=True):
            usable[name] = value
    try:
        qform = np.asarray(usable.get_qform(), dtype=np.float64)
    except (ValueError, nibabel.spatialimages.HeaderDataError):
        return None
    return qform if np.isfinite(qform).all() else None
