"""Every resampler behind one call: an array and its affine in, an array and its affine out, at 1 mm."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from common import Peer

from brains45k.volume import Volume
from brains45k.volume.geometry import resample

Array = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]
Resampler = Callable[[Voxels, Array], tuple[Voxels, Array]]

OURS = "ours"
#: Peers as they come; nnU-Net resamples thick slices separately from the planes, unless told otherwise.
PEERS = ("Yucca", "nnU-Net", "SimpleITK", "TorchIO", "TorchIO, antialias")
NNUNET_NOT_SEPARATE = "nnU-Net, not separate"


def resamplers(peer: Peer, work: Path) -> Mapping[str, Resampler]:
    """Return ours and the peers', by name; the peers' process exchanges files in a work folder."""
    return {OURS: resample_ours} | {name: partial(resample_peer, peer, work, name) for name in PEERS}


def resample_ours(data: Voxels, affine: Array) -> tuple[Voxels, Array]:
    """Resample with the step that both presets use, after the reorientation that the peers get too."""
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(data, affine))
    x, y, z = np.linalg.norm(canonical.affine[:3, :3], axis=0).tolist()
    volume = Volume(np.ascontiguousarray(canonical.dataobj), canonical.affine, (x, y, z))
    resampled = resample(volume, spacing_mm=1.0)
    return resampled.data, resampled.affine


def resample_peer(
    peer: Peer,
    work: Path,
    name: str,
    data: Voxels,
    affine: Array,
    *,
    grid: tuple[tuple[int, ...], Array] | None = None,
) -> tuple[Voxels, Array]:
    """Let a peer resample, to its own grid or, where it takes one, to a given shape and affine."""
    source, target = work / "source.npy", work / "target.npy"
    np.save(source, data)
    new_affine = peer.ask(
        "resample",
        tool=name,
        source=str(source),
        affine=affine.tolist(),
        target=str(target),
        grid=None if grid is None else [list(grid[0]), grid[1].tolist()],
    )
    return np.load(target).astype(np.float32), np.array(new_affine)
