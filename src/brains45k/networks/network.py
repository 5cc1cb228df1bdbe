"""An encoder with a head: the reconstruction head sees the deepest features alone, the segmentation head all levels."""

from torch import Tensor, nn

from brains45k.errors import CallError

#: Levels of features in the paper's networks; from each to the next the size halves and the channels double.
LEVELS = 5

_DIMENSIONS = 5


class Encoder(nn.Module):
    """From an image to features of several levels.

    Attributes
    ----------
    filters : int
        Channels of the finest level: level n has ``filters * 2**n`` channels and 1/2**n of the image's size.
    levels : int
        Number of levels.
    """

    filters: int
    levels: int = LEVELS

    @property
    def size_multiple_voxels(self) -> int:
        """What can be halved on the way down."""
        return int(2 ** (self.levels - 1))

    def level(self, number: int, features: Tensor) -> Tensor:
        """Return a level's features from those of the level above, or the finest ones from the image."""
        raise NotImplementedError

    def deepest(self, image: Tensor) -> Tensor:
        """Return the deepest features (of five levels: N, 16 filters, X/16, Y/16, Z/16) and keep no others."""
        features = image
        for number in range(self.levels):
            features = self.level(number, features)
        return features

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features of all levels, the finest first."""
        levels: list[Tensor] = []
        for number in range(self.levels):
            levels.append(self.level(number, levels[-1] if levels else image))
        return levels


class ReconstructionNetwork(nn.Module):
    """The pretraining network: (N, in, X, Y, Z) to (N, out, X, Y, Z), with no way around the deepest features."""

    def __init__(self, encoder: Encoder, rec_head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.rec_head = rec_head

    def forward(self, image: Tensor) -> Tensor:
        """Return the reconstructed image, linear in the last layer.

        Raises
        ------
        CallError
            If the size does not suit; see :func:`require_size`.
        """
        require_size(image, self.encoder.size_multiple_voxels)
        found: Tensor = self.rec_head(self.encoder.deepest(image))
        return found


class SegmentationNetwork(nn.Module):
    """The finetuning network: (N, in, X, Y, Z) to the logits of the classes (N, out, X, Y, Z).

    With deep supervision it returns those of all levels in training, the finest first.
    """

    def __init__(self, encoder: Encoder, pred_head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.pred_head = pred_head

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        """Return the logits.

        Raises
        ------
        CallError
            If the size does not suit; see :func:`require_size`.
        """
        require_size(image, self.encoder.size_multiple_voxels)
        found: Tensor | list[Tensor] = self.pred_head(self.encoder(image))
        return found


def require_size(image: Tensor, multiple_voxels: int) -> None:
    """Refuse a batch that a network cannot halve down to its deepest level.

    Parameters
    ----------
    image : torch.Tensor
        (N, C, X, Y, Z).
    multiple_voxels : int
        What X, Y and Z have to be multiples of. One multiple along all axes would leave a single voxel, whose norm
        is zero whatever the image, so that is refused too.

    Raises
    ------
    CallError
        If the batch has another number of axes or an unsuitable size; the message names it.
    """
    size = tuple(image.shape[2:])
    name = "x".join(map(str, size))
    if image.dim() != _DIMENSIONS:
        msg = f"input of shape {tuple(image.shape)}: a network takes (sample, channel, x, y, z)."
        raise CallError(msg)
    if any(length == 0 or length % multiple_voxels for length in size):
        msg = f"input of {name} voxels: each size must be a multiple of {multiple_voxels}. Pad or crop it."
        raise CallError(msg)
    if all(length == multiple_voxels for length in size):
        msg = f"input of {name} voxels: too small, its deepest features are one voxel. Pad it."
        raise CallError(msg)
