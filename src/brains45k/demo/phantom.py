"""Synthetic heads: an implicit anatomy in millimetres, sampled on any grid and in any of nine contrasts.

The anatomy is a stack of tissues, each given by a signed distance in millimetres (negative inside) in a
subject's own space: x to the right, y to the front, z up, with the origin in the middle of the cerebrum. One
seed is one subject: every grid and every contrast shows the same head. Left and right differ on purpose: the
left ventricle is the larger, and a bright capsule is taped to the right side of the head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float32]
Index = NDArray[np.intp]
Triple = tuple[float, float, float]
Solid = tuple[Triple, Triple] | tuple[Triple, Triple, float, float]  # an ellipsoid, or a tapered capsule

_axes_of: Callable[[str], NDArray[np.float64]] = nib.orientations.axcodes2ornt  # nibabel has no types
_nifti: Callable[..., Any] = nib.Nifti1Image

_ELLIPSOID = 2  # number of parts of an ellipsoid

CONTRASTS = ("T1w", "T1wGd", "T2w", "PDw", "FLAIR", "T2starw", "dwi", "ADC", "PET")

# Brightness of each tissue in the order of CONTRASTS; ADC is in 10^-6 mm2/s, the rest is arbitrary.
_BRIGHTNESS: dict[str, tuple[float, ...]] = {
    "air": (0, 0, 0, 0, 0, 0, 0, 0, 0),
    "skin": (95, 120, 60, 110, 75, 80, 14, 0, 20),
    "fat": (195, 200, 145, 140, 130, 115, 18, 0, 10),
    "muscle": (72, 92, 45, 90, 55, 70, 14, 0, 30),
    "bone": (9, 10, 7, 14, 7, 4, 2, 0, 8),
    "marrow": (105, 115, 70, 75, 60, 30, 6, 0, 25),
    "csf": (30, 32, 235, 150, 16, 185, 10, 2900, 12),
    "grey": (98, 101, 130, 165, 128, 140, 66, 830, 150),
    "white": (150, 152, 86, 128, 100, 112, 58, 740, 62),
    "deep": (115, 118, 102, 148, 114, 98, 60, 760, 140),
    "eye": (24, 25, 245, 150, 28, 200, 8, 2800, 8),
    "lesion": (88, 91, 178, 178, 205, 165, 72, 1150, 55),
    "enhancing": (92, 228, 165, 170, 180, 120, 95, 1000, 160),
    "infarct": (84, 96, 160, 165, 172, 150, 205, 430, 20),
    "oedema": (90, 93, 185, 175, 190, 168, 70, 1350, 45),
    "necrosis": (46, 48, 205, 168, 105, 185, 40, 1900, 8),
    "blood": (55, 215, 30, 60, 35, 45, 8, 1500, 60),
    "marker": (245, 245, 225, 235, 220, 225, 20, 0, 5),
}

# The shapes below are given for the right half; the left half mirrors them.
_SKIN: list[Solid] = [
    ((0, -4, 6), (78, 96, 78)),  # cranium
    ((0, 44, -48), (55, 50, 56)),  # face
    ((0, 56, -88), (32, 38, 24)),  # jaw
    ((0, -18, -60), (0, -34, -180), 50, 56),  # neck
    ((0, 92, -24), (0, 108, -50), 5, 9),  # nose
    ((78, -16, -30), (5, 15, 24)),  # ear
]
_CEREBELLUM: list[Solid] = [((25, -51, -34), (29, 32, 23)), ((0, -48, -33), (16, 28, 23))]
_TEMPORAL_LOBES: list[Solid] = [((40, -2, -20), (20, 40, 20))]
_CEREBRUM = ((62.0, 80.0, 60.0), 16.0, _TEMPORAL_LOBES)
_BASE: list[Solid] = [((40, -2, -20), (23, 43, 23)), ((0, -47, -34), (56, 38, 27))]  # of the skull
_MIDLINE: list[Solid] = [((0, -6, 6), (1, 44, 22)), ((0, -16, -16), (1, 22, 34))]  # where halves join
_STEM: list[Solid] = [
    ((0, -10, -6), (0, -20, -34), 14, 11),
    ((0, -16, -32), (14, 11, 13)),  # pons
    ((0, -22, -42), (0, -32, -80), 9, 6),
    ((0, -32, -80), (0, -40, -180), 5, 5),
]
_VENTRICLE: list[Solid] = [
    ((11, 35, 5), (8, 20, 12), 2, 4.5),  # frontal horn
    ((8, 20, 12), (12, -14, 21), 4.5, 4),
    ((12, -14, 21), (23, -40, 12), 4, 5),
    ((23, -40, 12), (22, -62, 6), 4, 0),  # occipital horn
    ((23, -40, 12), (37, -20, -14), 3, 0),  # temporal horn
]
_MIDDLE_VENTRICLES: list[Solid] = [((0, -8, 0), (2.2, 13, 10)), ((0, -34, -36), (6, 5, 9))]
_DEEP_GREY: list[Solid] = [
    ((10, -14, 6), (8, 14, 9)),  # thalamus
    ((25, 4, 3), (5.5, 16, 11)),  # putamen
    ((17, -1, 1), (3.5, 8, 6)),  # pallidum
    ((13, 22, 7), (5, 9, 10)),  # caudate
]
_SPINE: Solid = ((0, -14, -74), (0, -22, -180), 13, 14)
_CANAL: list[Solid] = [((0, -28, -50), (0, -32, -80), 14, 9), ((0, -32, -80), (0, -40, -180), 8, 8)]
_SINUSES: list[Solid] = [
    ((25, 66, -48), (13, 15, 15)),
    ((0, 34, -26), (11, 10, 8)),
    ((14, 82, -4), (10, 4, 7)),
]
_NASAL: Solid = ((6, 72, -44), (5, 26, 17))
_THROAT: list[Solid] = [((0, 36, -50), (0, 22, -82), 6, 8), ((0, 22, -82), (0, 8, -180), 8, 8)]
_EYES: list[tuple[str, Solid]] = [
    ("eye", ((31, 68, -18), (12, 12, 12))),
    ("muscle", ((29, 58, -18), (15, 25, -14), 3.5, 2.5)),  # optic nerve
    ("fat", ((30, 64, -18), (18, 32, -16), 17, 7)),
]
_MARKER: Solid = ((82, 8, 14), (5, 9, 5))


@dataclass(frozen=True)
class Head:
    """One subject: size, pose, folding and lesions follow from the seed."""

    seed: int
    lesions: str = "none"  # or "wmh" (white-matter hyperintensities), "ms", "stroke", "tumour"
    atrophy: float = 1.0  # width of the ventricles and sulci; 1 is a young adult


@dataclass(frozen=True)
class Grid:
    """The voxels of one scan: spacing and orientation of the three voxel axes, and the box they fill."""

    spacing_mm: Triple
    orientation: str = "RAS"
    oblique_deg: float = 0.0  # tilt about the left-right axis
    field_of_view_mm: Triple = (168.0, 210.0, 212.0)  # along left-right, back-front and bottom-top
    centre_mm: Triple = (4.0, 1.0, -19.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along the three voxel axes."""
        axes = _axes_of(self.orientation)[:, 0].astype(int)
        x, y, z = (round(self.field_of_view_mm[a] / s) for a, s in zip(axes, self.spacing_mm, strict=True))
        return x, y, z

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel to RAS millimetre, 4 x 4."""
        cos, sin = np.cos(np.deg2rad(self.oblique_deg)), np.sin(np.deg2rad(self.oblique_deg))
        axes, signs = _axes_of(self.orientation).T
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, axes.astype(int)] * (signs * self.spacing_mm)
        affine[:3, :3] = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ affine[:3, :3]
        affine[:3, 3] = self.centre_mm - affine[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        return affine


def render(
    subject: Head,
    grid: Grid,
    contrast: str,
    *,
    scan: int = 0,
    skull_stripped: bool = False,
    gain: float = 1.0,
    noise: float = 0.03,
    bias: float = 0.15,
    dtype: DTypeLike = np.int16,
) -> nib.Nifti1Image:
    """Render one scan of a subject, with sform and qform set.

    Parameters
    ----------
    contrast
        One of :data:`CONTRASTS`.
    scan
        Number of the scan: another noise and another shading of the same head.
    gain
        Factor on the brightness.
    noise
        Standard deviation of the noise, as a share of grey matter's brightness.
    bias
        Strength of the coil's smooth shading; 0 leaves it out.

    Raises
    ------
    ValueError
        When the contrast is unknown.
    """
    column = CONTRASTS.index(contrast)
    rng = np.random.default_rng([subject.seed, scan, column])
    fractions, brain = tissues_on(subject, grid)
    signal = np.zeros(grid.shape, np.float32)
    for tissue, fraction in fractions.items():
        signal += fraction * (gain * _BRIGHTNESS[tissue][column])
    if not skull_stripped:
        signal *= _shading(grid, rng, bias)
    signal = gaussian_filter(signal, 2.5 if contrast == "PET" else 0.4, truncate=3)
    errors = rng.standard_normal((2, *grid.shape), np.float32) * (noise * gain * _BRIGHTNESS["grey"][column])
    signal = np.hypot(signal + errors[0], errors[1])  # Rician
    return to_image(signal * brain if skull_stripped else signal, grid, dtype)


def label(subject: Head, grid: Grid, values: dict[str, int]) -> nib.Nifti1Image:
    """Render the subject's lesions as a label map (uint8); ``values`` gives the number of each tissue."""
    fractions, _ = tissues_on(subject, grid)
    labels = np.zeros(grid.shape, np.uint8)
    for tissue in values.keys() & fractions.keys():
        labels[np.rint(fractions[tissue]) > 0] = values[tissue]
    return to_image(labels, grid, np.uint8)


def to_image(voxels: NDArray[Any], grid: Grid, dtype: DTypeLike) -> nib.Nifti1Image:
    """Wrap voxels (x, y, z or x, y, z, frame) in a NIfTI image; whole-number types are rounded."""
    whole = np.issubdtype(np.dtype(dtype), np.integer)
    image = _nifti((np.round(voxels) if whole else voxels).astype(dtype), grid.affine)
    image.set_sform(grid.affine, 1)
    image.set_qform(grid.affine, 1)
    image.header.set_xyzt_units("mm", "sec")
    made: nib.Nifti1Image = image
    return made


@lru_cache(maxsize=2)  # the contrasts of a subject often share a grid
def tissues_on(subject: Head, grid: Grid) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Give the volume fraction of each tissue per voxel, and the voxels that skull stripping keeps."""
    factors = [max(1, round(step / 2.5)) for step in grid.spacing_mm]  # a thick slice is an average
    points = _subject_points(subject, _positions(grid, factors))
    outline = np.minimum(_solid(points, [_MARKER]), _union(_mirror(points), _SKIN, 18))
    inside = np.flatnonzero(outline < 1)
    stack, brain = _compose(subject, points[:, inside])

    def spread(values: Array) -> Array:
        whole = np.zeros(points[0].size, np.float32)
        whole[inside] = values
        blocks = whole.reshape([size for pair in zip(grid.shape, factors, strict=True) for size in pair])
        return blocks.mean(axis=(1, 3, 5)) if max(factors) > 1 else whole.reshape(grid.shape)

    return {name: spread(part) for name, part in stack.parts.items()}, np.rint(spread(brain)) > 0


def _positions(grid: Grid, factors: list[int]) -> Array:
    affine = grid.affine.astype(np.float32)
    steps = [(np.arange(n * f) + 0.5) / f - 0.5 for n, f in zip(grid.shape, factors, strict=True)]
    i, j, k = np.meshgrid(*(step.astype(np.float32) for step in steps), indexing="ij", sparse=True)
    return np.stack([(row[0] * i + row[1] * j + (row[2] * k + row[3])).ravel() for row in affine[:3]])


def _subject_points(subject: Head, points: Array) -> Array:
    """Undo the pose and the size of the head."""
    rng = np.random.default_rng([subject.seed, 1])
    a, b, c = np.deg2rad(rng.uniform(-4, 4, 3))
    pose = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]]) * rng.uniform(0.96, 1.03, 3)
    inverse = np.linalg.inv(pose).astype(np.float32)
    return np.stack([row[0] * points[0] + row[1] * points[1] + row[2] * points[2] for row in inverse])


def _shading(grid: Grid, rng: np.random.Generator, strength: float) -> Array:
    x, y, z = _positions(grid, [1, 1, 1]).reshape(3, *grid.shape) / np.float32(100)
    a, b, c, d = (float(value) for value in strength * rng.uniform(-1, 1, 4))
    field = np.exp(a * x + b * y + c * z + d * (x * x + y * y - z * z))
    return np.asarray(field / (1 + np.exp(-(z + 1.12) * 12)), np.float32)  # weak below the coil


class _Stack:
    """Tissues laid down front to back: each takes what the ones before it left of a point."""

    def __init__(self, size: int) -> None:
        self.left = np.ones(size, np.float32)
        self.parts: dict[str, Array] = {}

    def put(self, tissue: str, distance: Array, where: Index | slice = slice(None)) -> None:
        part = self.left[where] * np.clip(0.5 - distance / 1.2, 0, 1)  # the edge is soft over 1.2 mm
        self.left[where] -= part
        self.parts.setdefault(tissue, np.zeros_like(self.left))[where] += part


def _mirror(points: Array) -> Array:
    return np.stack([np.abs(points[0]), points[1], points[2]])


def _ellipsoid(points: Array, centre: Triple, radii: Triple) -> Array:
    scaled = [(axis - c) / r for axis, c, r in zip(points, centre, radii, strict=True)]
    reach = np.sqrt(sum(a * a for a in scaled))
    slope = np.sqrt(sum((a / r) ** 2 for a, r in zip(scaled, radii, strict=True)))
    return np.asarray(reach * (reach - 1) / (slope + 1e-6), np.float32)


def _capsule(points: Array, start: Triple, end: Triple, first: float, last: float) -> Array:
    along = [e - s for s, e in zip(start, end, strict=True)]
    offset = [axis - s for axis, s in zip(points, start, strict=True)]
    t = np.clip(sum(o * a for o, a in zip(offset, along, strict=True)) / sum(a * a for a in along), 0, 1)
    distance = np.sqrt(sum((o - t * a) ** 2 for o, a in zip(offset, along, strict=True)))
    return np.asarray(distance - first - t * (last - first), np.float32)


def _solid(points: Array, solids: list[Solid]) -> Array:
    return _least(*(_ellipsoid(points, *s) if len(s) == _ELLIPSOID else _capsule(points, *s) for s in solids))


def _union(points: Array, solids: list[Solid], seam_mm: float) -> Array:
    """Join solids with rounded seams."""

    def blend(a: Array, b: Array) -> Array:
        h = np.maximum(seam_mm - np.abs(a - b), 0) / seam_mm
        return np.asarray(np.minimum(a, b) - h * h * (seam_mm / 4), np.float32)

    return reduce(blend, [_solid(points, [solid]) for solid in solids])


def _least(*shapes: Array) -> Array:
    return reduce(np.minimum, shapes)


def _waves(subject: Head, points: Array) -> tuple[Array, Array]:
    """Distance to the nearest sheet of an irregular labyrinth of sulci, and a ripple in -1..1."""
    phase = np.random.default_rng([subject.seed, 2]).uniform(0, 2 * np.pi, 6).astype(np.float32)
    k, f = np.float32(2 * np.pi / 52), np.float32(2 * np.pi / 29)
    turned = [points[1], points[2], points[0]]
    a, b, c = (
        f * (axis + 6 * np.sin(k * other + p) + 3 * np.sin(2.2 * k * other + q))
        for axis, other, p, q in zip(points, turned, phase[:3], phase[3:], strict=True)
    )
    gyroid = np.sin(a) * np.cos(b) + np.sin(b) * np.cos(c) + np.sin(c) * np.cos(a)
    return np.abs(gyroid) / (1.4 * f), np.sin(1.7 * a) * np.sin(1.9 * b + c)


def _vault(points: Array, radii: Triple, base_mm: float, lower: list[Solid]) -> Array:
    """Take a dome on a sloping base, and the parts that hang below it."""
    dome = np.maximum(_ellipsoid(points, (0, -4, 8), radii), -(points[2] + base_mm + 0.1 * points[1]))
    return _least(dome, _solid(_mirror(points), lower))


def _pial(subject: Head, points: Array, hull: Array, sheet: Array) -> Array:
    """Depth below the folded surface of the cerebrum; negative in the fluid of a sulcus."""
    x, y, z = points
    joined = _solid(np.stack([x * 0, y, z]), _MIDLINE)
    midline = np.hypot(x, np.maximum(joined, 0))
    valley = z + 4 - 0.35 * (y + 8) + 5 * np.sin(np.abs(x) / 7)
    lateral = np.maximum(38 - np.abs(x), 0) ** 2 + np.maximum(np.abs(y - 4) - 28, 0) ** 2
    sylvian = np.sqrt(valley * valley + lateral)
    width = 0.5 * subject.atrophy
    sulcus = np.hypot(sheet, np.maximum(_least(-hull, midline, sylvian) - 15, 0)).astype(np.float32) - width
    return _least(-hull, midline - 2 * width, sylvian - 2 * width, sulcus)


def _spots(subject: Head) -> list[tuple[str, Triple, Triple]]:
    """Lesions as (tissue, centre, radii), front to back."""
    rng = np.random.default_rng([subject.seed, 3])
    core = (30.0, 26 + rng.uniform(-6, 6), 24.0)
    if subject.lesions == "none":
        return []
    if subject.lesions == "stroke":
        return [("infarct", (-42, -2, 22), (17, 24, 17))]
    if subject.lesions == "tumour":
        rings = {"necrosis": (8.0, 10.0, 8.0), "enhancing": (13.0, 15.0, 13.0), "oedema": (23.0, 28.0, 22.0)}
        return [(tissue, core, radii) for tissue, radii in rings.items()]
    spots: list[tuple[str, Triple, Triple]] = []
    for number in range(16):
        x = rng.uniform(15, 32) * rng.choice([-1, -1, -1, 1, 1])
        size = rng.uniform(2.5, 5)
        tissue = "enhancing" if subject.lesions == "ms" and number == 0 else "lesion"
        spots.append((tissue, (x, rng.uniform(-52, 36), rng.uniform(16, 34)), (size * 1.5, size, size)))
    return spots


def _compose(subject: Head, points: Array) -> tuple[_Stack, Array]:
    """Stack all tissues at points in the subject's space; also tell which points are brain."""
    stack, side = _Stack(points[0].size), _mirror(points)
    cerebrum, cerebellum = _vault(points, *_CEREBRUM), _union(side, _CEREBELLUM, 8)
    stem = _union(points, _STEM, 8)
    stack.put("marker", _solid(points, [_MARKER]))
    near = np.flatnonzero(np.minimum(cerebrum, stem) < 1)
    _compose_cerebrum(stack, near, subject, points[:, near], stem[near])
    folia = np.abs(np.sin((points[2] + 0.4 * points[1]) * (np.pi / 7))) * 2.2
    stack.put("white", cerebellum + 5 + 3 * folia)
    stack.put("csf", np.maximum(cerebellum, folia - 0.5))
    stack.put("grey", cerebellum)
    _compose_skull(stack, points, side)
    return stack, (_least(cerebrum, cerebellum, np.maximum(stem, -72 - points[2])) < 1).astype(np.float32)


def _compose_cerebrum(stack: _Stack, near: Index, subject: Head, points: Array, stem: Array) -> None:
    (sheet, ripple), side = _waves(subject, points), _mirror(points)
    hull = _vault(points, *_CEREBRUM)
    grow = np.where(points[0] < 0, 2.5, 0.3).astype(np.float32) + 3 * (subject.atrophy - 1)
    stack.put("csf", np.minimum(_solid(side, _VENTRICLE) - grow, _solid(points, _MIDDLE_VENTRICLES)), near)
    pial = _pial(subject, points, hull, sheet)
    core = np.minimum(_ellipsoid(points, (0, -10, 4), (34, 34, 20)), stem)
    stack.put("csf", -_least(-pial, -hull, core), near)
    for tissue, centre, radii in _spots(subject):
        stack.put(tissue, _ellipsoid(points, centre, radii) + 2.5 * ripple, near)
    stack.put("deep", _solid(side, _DEEP_GREY), near)
    stack.put("white", np.minimum(stem, np.maximum(hull, 3 + 0.6 * ripple - pial)), near)
    stack.put("grey", hull, near)


def _compose_skull(stack: _Stack, points: Array, side: Array) -> None:
    x, _, z = side
    cavity, skin = _vault(points, (65, 83, 63), 19, _BASE), _union(side, _SKIN, 18)
    stack.put("blood", np.maximum(np.hypot(x, cavity + 3) - 3, -z - 5))  # sagittal sinus
    stack.put("csf", np.minimum(cavity, _solid(points, _CANAL)))
    for tissue, solid in _EYES:
        stack.put(tissue, _solid(side, [solid]))
    nose = np.maximum(_solid(side, [_NASAL]), 1 - x)
    holes = np.minimum(_solid(side, _SINUSES), nose)
    stack.put("air", np.minimum(holes, _solid(side, _THROAT)))
    spine = _solid(points, [_SPINE])
    stack.put("marrow", np.maximum(spine + 2, 3 - np.abs(np.mod(z, 20) - 10)))
    stack.put("marrow", np.maximum(np.abs(cavity - 3.5) - 1.5, -z - 30))  # diploe
    stack.put("bone", _least(spine, cavity - 7, holes - 2.5))
    stack.put("skin", np.maximum(skin, -skin - 2))
    planes = np.abs(np.sin(x / 7 + np.sin(z / 19)) + np.sin(points[1] / 8 + np.sin(x / 11 + z / 31))) * 5
    stack.put("fat", np.maximum(skin, np.minimum(-skin - 7, planes)))
    stack.put("muscle", skin)
