"""The synthetic head: one anatomy on every grid and in every contrast, and never the wrong way round."""

from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from brains45k.demo.phantom import CONTRASTS, Grid, Head, label, render, tissues_on

ORIENTATIONS = ("RAS", "LAS", "LPS", "PSR", "PIL", "ASR", "SRA", "IPL")
SUBJECT = Head(seed=5)
SMALL = Grid((3.0, 3.0, 3.0))


def voxels(image: Any) -> NDArray[np.float32]:
    return np.asarray(image.dataobj, dtype=np.float32)


def clean(subject: Head, grid: Grid, contrast: str) -> NDArray[np.float32]:
    """Render without noise and shading."""
    return voxels(render(subject, grid, contrast, noise=0, bias=0, dtype=np.float32))


def positions(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.float64]:
    return np.argwhere(mask) @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def codes(affine: NDArray[np.float64]) -> str:
    find: Any = nib.orientations.aff2axcodes
    return "".join(find(affine))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_affine_states_the_orientation(orientation: str) -> None:
    assert codes(Grid((2.0, 3.0, 5.0), orientation).affine) == orientation


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_field_of_view_is_centred(orientation: str) -> None:
    grid = Grid((2.0, 3.0, 5.0), orientation, oblique_deg=10, centre_mm=(1.0, 2.0, 3.0))
    middle = (np.array(grid.shape) - 1) / 2
    assert np.allclose(grid.affine[:3, :3] @ middle + grid.affine[:3, 3], (1, 2, 3))


def test_the_shape_follows_the_field_of_view() -> None:
    grid = Grid((2.0, 3.0, 5.0), "PSR", field_of_view_mm=(100.0, 120.0, 150.0))
    assert grid.shape == (60, 50, 20)


@pytest.mark.parametrize("tilt_deg", [-20.0, 0.0, 12.0])
def test_an_oblique_grid_keeps_its_spacing(tilt_deg: float) -> None:
    affine = Grid((1.0, 2.0, 5.0), "LPS", oblique_deg=tilt_deg).affine
    assert np.allclose(np.linalg.norm(affine[:3, :3], axis=0), (1, 2, 5))


def test_the_header_holds_both_forms() -> None:
    image: Any = render(SUBJECT, SMALL, "T1w")
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1
    assert np.allclose(image.get_qform(), SMALL.affine, atol=1e-4)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("tilt_deg", [0.0, 15.0])
def test_the_marker_is_on_the_right(orientation: str, tilt_deg: float) -> None:
    grid = Grid((3.0, 3.0, 3.0), orientation, oblique_deg=tilt_deg)
    brightest = positions(clean(SUBJECT, grid, "T1w") > 225, grid)
    assert len(brightest) > 5
    assert brightest[:, 0].min() > 65


@pytest.mark.parametrize("seed", range(4))
def test_the_left_ventricle_is_the_larger(seed: int) -> None:
    fluid = positions(clean(Head(seed), SMALL, "T2w") > 215, SMALL)
    body = fluid[(np.abs(fluid[:, 0]) < 24) & (np.abs(fluid[:, 1]) < 28) & (np.abs(fluid[:, 2] - 17) < 9)]
    assert (body[:, 0] < 0).sum() > 1.3 * (body[:, 0] > 0).sum() > 0


def test_two_orientations_show_the_same_head() -> None:
    # Both grids have odd counts, so that their voxel centres coincide.
    view = (165.0, 207.0, 213.0)
    flip: Any = nib.as_closest_canonical
    standard = render(SUBJECT, Grid((3.0,) * 3, "RAS", field_of_view_mm=view), "T1w", noise=0, bias=0)
    turned = flip(render(SUBJECT, Grid((3.0,) * 3, "PIL", field_of_view_mm=view), "T1w", noise=0, bias=0))
    assert np.abs(voxels(standard) - voxels(turned)).max() <= 1
    assert np.allclose(standard.affine, turned.affine)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_every_contrast_shows_the_same_brain(contrast: str) -> None:
    _, brain = tissues_on(SUBJECT, SMALL)
    stripped = render(SUBJECT, SMALL, contrast, skull_stripped=True, dtype=np.float32)
    assert np.array_equal(voxels(stripped) > 0, brain)


def test_t1_and_t2_are_each_other_s_reverse_in_the_brain() -> None:
    _, brain = tissues_on(SUBJECT, SMALL)
    t1, t2 = (clean(SUBJECT, SMALL, contrast)[brain] for contrast in ("T1w", "T2w"))
    assert np.corrcoef(t1, t2)[0, 1] < -0.85


def test_tissues_fill_the_brain() -> None:
    fractions, brain = tissues_on(SUBJECT, SMALL)
    total = np.sum(list(fractions.values()), axis=0)
    assert total.max() <= 1 + 1e-5
    assert total[brain].min() > 0.99


@pytest.mark.parametrize(
    ("tissue", "lowest_ml", "highest_ml"), [("grey", 450, 1000), ("white", 350, 900), ("bone", 300, 1500)]
)
def test_tissue_volumes_are_those_of_a_head(tissue: str, lowest_ml: float, highest_ml: float) -> None:
    fractions, _ = tissues_on(SUBJECT, SMALL)
    assert lowest_ml < fractions[tissue].sum() * 27 / 1000 < highest_ml


def test_the_same_call_gives_the_same_bytes() -> None:
    first: Any = render(SUBJECT, SMALL, "FLAIR")
    tissues_on.cache_clear()
    second: Any = render(SUBJECT, SMALL, "FLAIR")
    assert first.to_bytes() == second.to_bytes()


def test_another_scan_is_the_same_head_with_other_noise() -> None:
    first, second = (voxels(render(SUBJECT, SMALL, "T1w", scan=scan, bias=0)) for scan in (0, 1))
    assert not np.array_equal(first, second)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.99


def test_subjects_differ() -> None:
    first, second = (clean(Head(seed), SMALL, "T1w") for seed in (1, 2))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < 0.97


def test_atrophy_widens_the_ventricles() -> None:
    young, old = (tissues_on(Head(3, atrophy=factor), SMALL)[0]["csf"].sum() for factor in (1.0, 1.6))
    assert old > 1.1 * young


@pytest.mark.parametrize(
    ("lesions", "tissue", "contrast", "brighter"),
    [
        ("wmh", "lesion", "FLAIR", True),
        ("ms", "lesion", "T2w", True),
        ("stroke", "infarct", "dwi", True),
        ("stroke", "infarct", "ADC", False),
        ("tumour", "enhancing", "T1wGd", True),
        ("tumour", "oedema", "T1w", False),
    ],
)
def test_lesions_differ_from_white_matter(lesions: str, tissue: str, contrast: str, brighter: bool) -> None:
    subject = Head(8, lesions)
    mask = voxels(label(subject, SMALL, {tissue: 1})) > 0
    white = tissues_on(subject, SMALL)[0]["white"] > 0.95
    signal = clean(subject, SMALL, contrast)
    assert mask.sum() > 10
    assert (signal[mask].mean() > signal[white].mean()) is np.bool_(brighter)


def test_a_label_map_holds_the_values_asked_for() -> None:
    image = label(Head(8, "tumour"), SMALL, {"necrosis": 1, "oedema": 2, "enhancing": 4})
    assert image.get_data_dtype() == np.uint8
    assert set(np.unique(voxels(image))) == {0, 1, 2, 4}


def test_a_healthy_head_has_an_empty_label_map() -> None:
    assert not voxels(label(SUBJECT, SMALL, {"lesion": 1})).any()


def test_thick_slices_are_averages_of_the_head() -> None:
    thin, thick = (clean(SUBJECT, Grid((3.0, 3.0, step)), "T1w") for step in (3.0, 9.0))
    assert thick.mean() == pytest.approx(thin.mean(), rel=0.02)


def test_noise_outside_the_head_is_rician() -> None:
    corner = voxels(render(SUBJECT, SMALL, "T1w", noise=0.05, dtype=np.float32))[:4, :4]
    assert corner.min() > 0
    assert corner.mean() == pytest.approx(98 * 0.05 * np.sqrt(np.pi / 2), rel=0.1)


def test_an_unknown_contrast_is_refused() -> None:
    with pytest.raises(ValueError, match="tuple"):
        render(SUBJECT, SMALL, "T3w")
