"""Analytic phantoms, whose truth is known at any point: spheres and gratings; and what is measured of them.

Positions are RAS millimetres.
"""

from dataclasses import dataclass

import nibabel
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation
from scipy.special import erf

Array = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float32]
Triple = tuple[float, float, float]

#: The spacing that all tools resample to, and its highest frequency, in cycles per millimetre.
TARGET_SPACING_MM = 1.0
TARGET_NYQUIST = 0.5 / TARGET_SPACING_MM

_FIELD_OF_VIEW_MM = 80.0
_TILT_DEG = (12.0, -7.0, 5.0)
_CENTRE_MM = (4.0, -9.0, 13.0)
_EDGE_BAND_MM = 2.0
_BORDER_VOXELS = 10
# What lies further out is not counted into a ball: far enough for the ringing of a spline on 5 mm slices.
_REACH_MM = 15.0
# As much blur as the slices resolve: a Gaussian's transfer at their Nyquist frequency is then 0.45.
_BLUR_IN_SLICES = 0.4
# A grating needs a little more than two samples a period to be told from its own alias.
_LARGEST_FREQUENCY = 0.48


@dataclass(frozen=True, slots=True)
class Grid:
    """The voxels of a scan, tilted about all three axes; the third voxel axis runs through the slices."""

    name: str
    spacing_mm: Triple
    orientation: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along the three voxel axes."""
        x, y, z = (round(_FIELD_OF_VIEW_MM / spacing) for spacing in self.spacing_mm)
        return x, y, z

    @property
    def affine(self) -> Array:
        """Voxel to RAS millimetre, 4 x 4."""
        axes, signs = nibabel.orientations.axcodes2ornt(self.orientation).T
        directions = np.eye(3)[:, axes.astype(int)] * signs
        affine = np.eye(4)
        affine[:3, :3] = Rotation.from_euler("xyz", _TILT_DEG, degrees=True).as_matrix() @ directions * self.spacing_mm
        affine[:3, 3] = _CENTRE_MM - affine[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        return affine


GRIDS = (
    Grid("0.94 x 0.94 x 1.2", (0.94, 0.94, 1.2), "LPS"),
    Grid("0.94 x 0.94 x 1.3, sagittal", (0.94, 0.94, 1.3), "PSR"),
    Grid("0.86 x 0.86 x 3", (0.86, 0.86, 3.0), "LPS"),
    Grid("0.5 x 0.5 x 5", (0.5, 0.5, 5.0), "LPS"),
    Grid("0.7 x 0.7 x 0.7, coronal", (0.7, 0.7, 0.7), "LIA"),
)


@dataclass(frozen=True, slots=True)
class Sphere:
    """A ball that is brighter than what lies around it; a blur of 0 makes its edge a step.

    Attributes
    ----------
    low, high : float
        Brightness around it and inside. The input always spans 0 to 1: where the ball does not, two voxels in
        opposite corners do, so that a tool which clips to the input's range has nothing to clip at the ball.
    """

    radius_mm: float
    blur_mm: float
    offset_mm: Triple
    low: float = 0.0
    high: float = 1.0

    @property
    def centre_mm(self) -> Array:
        """Where it lies, off the centre of every grid."""
        return np.add(_CENTRE_MM, self.offset_mm)

    @property
    def at_the_ends(self) -> bool:
        """Tell whether it spans the range of the input."""
        return (self.low, self.high) == (0.0, 1.0)

    def distance_mm(self, points: Array) -> Array:
        """Return the distance from the surface, negative inside."""
        return np.asarray(np.linalg.norm(points - self.centre_mm, axis=-1) - self.radius_mm)

    def brightness_at(self, distance_mm: Array) -> Array:
        """Return the truth at some distances from the surface."""
        blurred = 0.5 - 0.5 * erf(distance_mm / (np.sqrt(2) * self.blur_mm)) if self.blur_mm else distance_mm < 0
        return np.asarray(self.low + (self.high - self.low) * blurred)

    def sample(self, grid: Grid) -> Voxels:
        """Take the brightness at the centres of a grid's voxels."""
        data = self.brightness_at(self.distance_mm(positions(grid.shape, grid.affine))).astype(np.float32)
        if not self.at_the_ends:
            data[0, 0, 0], data[-1, -1, -1] = 0, 1
        return data


def spheres(grid: Grid) -> list[Sphere]:
    """Return balls of two sizes, hard and soft, at the ends of the range and inside it, in three places."""
    return [
        Sphere(radius_mm, blur_mm, offset_mm, low, high)
        for radius_mm in (8.0, 20.0)
        for blur_mm in (0.0, _BLUR_IN_SLICES * max(grid.spacing_mm))
        for low, high in ((0.0, 1.0), (0.25, 0.75))
        for offset_mm in ((0.31, -0.22, 0.13), (-0.4, 0.45, 1.17), (0.05, 0.74, -0.9))
    ]


@dataclass(frozen=True, slots=True)
class Grating:
    """A wave between 0 and 1 along one voxel axis of a grid, ``frequency`` cycles per millimetre."""

    direction: Triple
    frequency: float

    def phase(self, points: Array) -> Array:
        """Return the phase at some points."""
        return np.asarray(2 * np.pi * self.frequency * ((points - _CENTRE_MM) @ self.direction) + 0.7)

    def sample(self, grid: Grid) -> Voxels:
        """Take the brightness at the centres of a grid's voxels."""
        return (0.5 + 0.5 * np.sin(self.phase(positions(grid.shape, grid.affine)))).astype(np.float32)


def grating(grid: Grid, axis: int, part: float) -> Grating | None:
    """Return the grating of a part of the target's Nyquist frequency, or None if the grid cannot hold it."""
    if part * TARGET_NYQUIST > _LARGEST_FREQUENCY / grid.spacing_mm[axis]:
        return None
    x, y, z = grid.affine[:3, axis] / grid.spacing_mm[axis]
    return Grating((x, y, z), part * TARGET_NYQUIST)


def positions(shape: tuple[int, ...], affine: Array) -> Array:
    """Return the centres of all voxels, x, y, z, 3."""
    indices = np.stack(np.meshgrid(*(np.arange(size, dtype=float) for size in shape), indexing="ij"), axis=-1)
    return np.asarray(indices @ affine[:3, :3].T + affine[:3, 3])


def measure_sphere(sphere: Sphere, given: Voxels, grid: Grid, data: Voxels, affine: Array) -> dict[str, float]:
    """Compare a tool's output with the truth at the centres of the tool's own voxels.

    Returns
    -------
    dict
        ``edge``: RMS error within 2 mm of the surface, in parts of the contrast; ``centre``: how far the centre of
        mass moved from that of the samples that the tool was given, in voxels of 1 mm; ``given``: how far these
        are off the truth, in the same unit; ``overshoot``: how far voxels leave the input's range, in parts of it.
    """
    distance = sphere.distance_mm(positions(data.shape, affine))
    truth = sphere.brightness_at(distance)
    error = (data - truth)[np.abs(distance) < _EDGE_BAND_MM] / (sphere.high - sphere.low)
    start = _centre_of_mass(sphere, given, grid.affine, sphere.distance_mm(positions(grid.shape, grid.affine)))
    end = _centre_of_mass(sphere, data, affine, distance)
    return {
        "edge": float(np.sqrt(np.mean(error**2))),
        "centre": float(np.linalg.norm(end - start)) / TARGET_SPACING_MM,
        "given": float(np.linalg.norm(start - sphere.centre_mm)) / TARGET_SPACING_MM,
        "overshoot": float(max(data.max() - 1, -data.min(), 0)),
    }


def _centre_of_mass(sphere: Sphere, data: Voxels, affine: Array, distance_mm: Array) -> Array:
    """Return the centre of mass, in millimetres, of what a ball adds to its surroundings."""
    weights = np.where(distance_mm < _REACH_MM, data.astype(float) - sphere.low, 0)
    # The mean index along each axis, from the sums of the planes across it.
    planes = [weights.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    index = [np.arange(len(plane)) @ plane / plane.sum() for plane in planes]
    return np.asarray(affine[:3, :3] @ index + affine[:3, 3])


def measure_grating(wave: Grating, data: Voxels, affine: Array) -> dict[str, float]:
    """Split a tool's output into the grating itself and the rest, away from the border.

    Returns
    -------
    dict
        ``kept``: amplitude at the grating's own frequency; ``energy``: of all variation; ``spurious``: energy of
        what is not the grating. All in parts of the input's.
    """
    inner = tuple(slice(_BORDER_VOXELS, size - _BORDER_VOXELS) for size in data.shape)
    values = data[inner].ravel().astype(float)
    phase = wave.phase(positions(data.shape, affine)[inner]).ravel()
    basis = np.stack([np.ones_like(phase), np.sin(phase), np.cos(phase)], axis=-1)
    fit, *_ = np.linalg.lstsq(basis, values, rcond=None)
    input_amplitude, input_energy = 0.5, 0.125
    return {
        "kept": float(np.hypot(fit[1], fit[2]) / input_amplitude),
        "energy": float(values.var() / input_energy),
        "spurious": float(np.mean((values - basis @ fit) ** 2) / input_energy),
    }
