"""A finetuned network whose answer is known without training: the lesion is what is brighter than its surroundings."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from brains45k.networks import create, save_weights
from brains45k.volume.preprocess import Preprocessing

NAME = "lesions"
TASK: dict[str, Any] = {
    "title": "Lesions",
    "source": "lesions",
    "case": ["subject"],
    "images": [{"name": "flair", "where": {"image": ["flair"]}}, {"name": "t1", "where": {"image": ["t1"]}}],
    "labels": {"layouts": ["labels"]},
    "classes": [{"name": "core", "values": [4, 3]}, {"name": "oedema", "values": [2]}],
    "regions": [{"name": "lesion", "classes": ["core", "oedema"]}],
    "lesions": True,
    "test": {"where": {"part": ["test"]}},
}
PATCH_SIZE_VOXELS = 32
#: Oblique, stored from the left, behind and above: 1.5 x 1.25 x 2 mm.
LPS = np.array(
    [
        [-1.4772, -0.2171, 0.0, 40.0],
        [0.2605, -1.2310, 0.0, 30.0],
        [0.0, 0.0, 2.0, -45.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
#: Where the two images of a subject are bright, in voxels of that grid; neither is its own mirror image there.
CORE, OTHER = (18, 22, 14), (22, 26, 16)


def metadata(**changes: Any) -> dict[str, Any]:
    """Return what a finetuning run writes beside its weights."""
    document = {key: value for key, value in TASK.items() if key != "name"}
    about = {
        "network": "unet_tiny",
        "head": "segmentation",
        "task": {"name": NAME, "document": document},
        "run": "tiny",
        "fold": 0,
        "seed": 1,
        "pretrained": None,
        "preprocess": asdict(Preprocessing()),
        "patch_size_voxels": PATCH_SIZE_VOXELS,
        "deep_supervision": False,
        "leakage": {"state": "not pretrained", "leaks": []},
        "load_report": None,
    }
    return about | changes


def bright_network(*, channel: int = 0, channels: int = 2, classes: int = 3) -> nn.Module:
    """Make a network that calls 1 what is brighter in one channel than its window on average, and 0 the rest."""
    network = create("unet_tiny", channels, classes, "segmentation")
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        # One channel goes unchanged through both blocks at full size, past all that is coarser.
        parameters["encoder.in_conv.conv1.conv.weight"][0, channel, 1, 1, 1] = 1
        parameters["encoder.in_conv.conv2.conv.weight"][0, 0, 1, 1, 1] = 1
        parameters["pred_head.decoder_conv3.conv1.conv.weight"][0, 8, 1, 1, 1] = 1
        parameters["pred_head.decoder_conv3.conv2.conv.weight"][0, 0, 1, 1, 1] = 1
        parameters["pred_head.out_conv.weight"][1, 0] = 1
        # Half of what a ball in a window comes to, so that its surface stays where it is between two voxels.
        parameters["pred_head.out_conv.bias"][1] = -0.9
        parameters["pred_head.out_conv.bias"][2:] = -1
    return network


def write_model(folder: Path, *, channel: int = 0, **changes: Any) -> Path:
    """Write such a network as a finetuning run leaves it."""
    path = folder / "model.safetensors"
    save_weights(bright_network(channel=channel), path, metadata(**changes))
    return path


def ball(
    centre_voxels: Sequence[int], *, shape: Sequence[int] = (48, 56, 40), radius_mm: float = 12
) -> NDArray[np.bool_]:
    """Return a ball on the grid of :data:`LPS`."""
    index = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    steps_mm = np.linalg.norm(LPS[:3, :3], axis=0)
    return np.asarray(np.linalg.norm((index - centre_voxels) * steps_mm, axis=-1) < radius_mm)


def write_scan(path: Path, lesion: NDArray[np.bool_], *, sform_code: int = 1, qform_code: int = 1) -> Path:
    """Write an oblique scan in which a lesion is bright and all else is air."""
    noise = np.random.default_rng(7).normal(1000, 20, lesion.shape)
    image = nibabel.Nifti1Image(np.where(lesion, noise, 0).astype(np.float32), None)
    image.header.set_xyzt_units("mm")
    image.set_sform(LPS, code=sform_code)
    image.set_qform(LPS, code=qform_code)
    nibabel.save(image, path)
    return path
