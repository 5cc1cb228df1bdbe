"""Read a volume: header first, the stream to its end, every doubt with a code.

Formats: NIfTI-1 and -2 (.nii, .nii.gz, and .hdr/.img pairs), Analyze 7.5 pairs, FreeSurfer .mgh and .mgz.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume import mgh, nifti
from brains45k.volume.container import HEAD_BYTES, is_gzip, read_file, require_image, unpack
from brains45k.volume.content import Named, judge_content
from brains45k.volume.header import SPATIAL_AXES, Header, squeeze
from brains45k.volume.image import Image, Intensities
from brains45k.volume.orientation import require_head_size
from brains45k.volume.refusal import RefusalError, Remark

# Statistics (2 to 24); labels, names, matrices, vectors, points, triangles, quaternions, no-dimension; colours,
# shapes, and FSL's warp fields.
_REFUSED_INTENTS = frozenset(range(2, 25)) | frozenset(range(1002, 1012)) | frozenset(range(2003, 2019))


@dataclass(slots=True)
class Opened:
    """A file whose container and header have passed; its frames are not judged yet.

    Attributes
    ----------
    stored : numpy.ndarray
        The voxels as stored, x, y, z[, frame].
    sha256 : str
        Digest of the file; of a pair, of the header and then the voxels.
    """

    header: Header
    stored: npt.NDArray[np.generic]
    sha256: str
    remarks: tuple[Remark, ...]

    def release(self) -> None:
        """Give the memory of the voxels back; their shape stays known."""
        self.stored = np.broadcast_to(self.stored.dtype.type(0), self.stored.shape)


def read_image(path: Path) -> Image:
    """Read one 3-D image.

    Parameters
    ----------
    path : Path
        A file in one of this module's formats; of a pair, either file.

    Returns
    -------
    Image
        On the file's own grid.

    Raises
    ------
    RefusalError
        With the code of what is wrong.
    """
    return image_of(open_volume(path))


def open_volume(path: Path, content: bytes | None = None) -> Opened:
    """Read a file to its end and judge its container and header.

    Parameters
    ----------
    path : Path
        A file in one of this module's formats; of a pair, either file.
    content : bytes, optional
        What the file holds, where that has been read already.

    Raises
    ------
    RefusalError
        With the code of what is wrong.
    """
    if path.suffix.lower() == ".hdr":
        path, content = sibling(path, ".img"), None
    if content is None:
        content = read_file(path)
    pair_header = _read_pair_header(path)
    digest = hashlib.sha256(pair_header + content if pair_header else content).hexdigest()
    try:
        # The numbers of a broken header are judged; NumPy need not warn of them as well.
        with np.errstate(over="ignore", invalid="ignore"):
            header, image, remarks = _decode(path, content, pair_header)
    except RefusalError as refusal:
        refusal.sha256 = digest
        raise
    shape = squeeze(header.shape)
    if shape != header.shape:
        remarks += (Remark(Code.R_FRAME, f"shape {header.shape}"),)
    stored = np.frombuffer(image, dtype=header.dtype, count=int(np.prod(shape)), offset=header.offset)
    return Opened(header, stored.reshape(shape, order="F"), digest, remarks)


def image_of(opened: Opened, *, frame: int | None = None, named: Named = Named.UNKNOWN) -> Image:
    """Judge one frame's voxels and return it as an image.

    Parameters
    ----------
    opened : Opened
        From :func:`open_volume`.
    frame : int, optional
        Which frame of a 4-D file; None asks for a 3-D file.
    named : Named
        What its name says of it.

    Raises
    ------
    RefusalError
        With the code of what is wrong.
    """
    header = opened.header
    if header.intent_code in _REFUSED_INTENTS:
        raise RefusalError(Code.E_INTENT, f"intent code {header.intent_code}")
    stored = _frame(opened, frame)
    require_head_size(stored.shape, header.spacing_mm)
    unjudged = _intensities(stored, header)
    del stored
    if frame is None:
        # Of voxels that had to be narrowed the wide ones are not needed any more.
        opened.stored = unjudged.stored
    intensities, judged = judge_content(unjudged, named=named)
    remarks = opened.remarks + header.remarks + judged
    return Image(intensities, header.affine, header.spacing_mm, header.dtype.name, remarks)


def _decode(path: Path, content: bytes, pair_header: bytes) -> tuple[Header, bytes | bytearray, tuple[Remark, ...]]:
    name = path.name.lower()
    if name.endswith((".mgz", ".mgh")):
        payload = unpack(content, named_gz=name.endswith(".mgz"), declared_bytes=mgh.declared_bytes)
        image = payload.content
        return mgh.judge_header(bytes(image[:HEAD_BYTES]), image_bytes=len(image)), image, payload.remarks
    if name.endswith(".img"):
        return _decode_pair(content, pair_header)
    if not name.endswith((".nii", ".nii.gz")):
        raise RefusalError(Code.E_FORMAT, f"{''.join(path.suffixes[-2:])} is not read; convert it to NIfTI")
    payload = unpack(content, named_gz=name.endswith(".gz"), declared_bytes=nifti.declared_bytes)
    image = payload.content
    head = bytes(image[:HEAD_BYTES])
    fields = nifti.parse_nifti(head)
    return nifti.judge_header(fields, head, image_bytes=len(image), single_file=True), image, payload.remarks


def _decode_pair(content: bytes, head: bytes) -> tuple[Header, bytes | bytearray, tuple[Remark, ...]]:
    require_image(head)
    fields = nifti.parse_analyze(head)
    voxel_bytes = nifti.pair_bytes(fields)
    payload = unpack(content, named_gz=False, declared_bytes=lambda _: voxel_bytes) if is_gzip(content) else None
    image = payload.content if payload else content
    header = nifti.judge_header(fields, head, image_bytes=len(image), single_file=False)
    return header, image, payload.remarks if payload else ()


def _read_pair_header(path: Path) -> bytes:
    """Return the header of a pair, whose name may differ in case; nothing for a file that holds its own."""
    if path.suffix.lower() != ".img":
        return b""
    return read_file(sibling(path, ".hdr"))


def sibling(path: Path, suffix: str) -> Path:
    """Return the other file of a pair, whose suffix may be in capitals.

    Raises
    ------
    RefusalError
        ``E_FORMAT`` if it is missing.
    """
    names = (path.with_suffix(spelling) for spelling in (suffix, suffix.upper()))
    found = next((name for name in names if name.exists()), None)
    if found is None:
        raise RefusalError(Code.E_FORMAT, f"{path.stem}{suffix} is missing beside it")
    return found


def _frame(opened: Opened, frame: int | None) -> npt.NDArray[np.generic]:
    stored = opened.stored
    if frame is None:
        if stored.ndim != SPATIAL_AXES:
            raise RefusalError(Code.E_4D, f"shape {stored.shape}")
        return stored
    if stored.ndim != SPATIAL_AXES + 1 or frame >= stored.shape[-1]:
        raise RefusalError(Code.E_4D, f"shape {stored.shape} has no frame {frame}")
    return stored[..., frame]


def _intensities(stored: npt.NDArray[np.generic], header: Header) -> Intensities:
    """Bind the voxels to their scaling; what float32 cannot hold exactly is scaled in float64 at once."""
    wide = header.dtype.itemsize > 4 or header.dtype.name in {"int32", "uint32"}  # noqa: PLR2004
    if not wide:
        return Intensities(stored, header.slope, header.intercept)
    # What float32 cannot hold becomes infinite, which is judged as such.
    with np.errstate(over="ignore", invalid="ignore"):
        if header.slope == 1 and header.intercept == 0:
            return Intensities(stored.astype(np.float32))
        scaled = np.empty(stored.shape, np.float32, order="F")
        # Slice by slice: a float64 copy of the whole would be the largest array of all.
        for slab, target in zip(stored.T, scaled.T, strict=True):
            target[...] = slab.astype(np.float64) * header.slope + header.intercept
        return Intensities(scaled)
