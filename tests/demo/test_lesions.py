"""The synthetic task: cases as its source file says, lesions that can be learned and that no threshold finds."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.ndimage import label as number_components
from support.workspace import REPOSITORY

from brains45k.demo.lesions import IMAGES, SUBJECTS, images_of
from brains45k.demo.phantom import tissues_on
from brains45k.demo.write import DEMO_SOURCES, TASK_SOURCES, write_demo
from brains45k.sources.candidate import Candidate
from brains45k.sources.catalog import Source, load_source
from brains45k.sources.scan import scan_source

CASES = [(part, subject) for part, subjects in SUBJECTS.items() for subject in subjects]
ORIENTATIONS = {"LPS", "LAS", "ASR"}

Case = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def source() -> Source:
    return load_source(REPOSITORY / "config/sources/lesions.yaml")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, workers=1, sources=TASK_SOURCES)
    return folder / "lesions"


@pytest.fixture(scope="module")
def candidates(source: Source, root: Path) -> list[Candidate]:
    return scan_source(source, root).candidates


@pytest.fixture(scope="module")
def cases(root: Path) -> dict[str, Case]:
    """Voxels by subject and name of the image."""
    return {
        subject: {
            name: np.asarray(load(root / part / subject / f"{subject}_{name}.nii.gz").dataobj)
            for name in (*IMAGES, "lesions")
        }
        for part, subject in CASES
    }


def load(path: Path) -> Any:
    return nib.Nifti1Image.from_filename(path)


def rings(case: Case) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the lesions, and the voxels of the brain that touch them."""
    lesions = case["lesions"] > 0
    return lesions, binary_dilation(lesions) & ~lesions & (case["flair"] > 0)


def best_dice_of_a_threshold(image: NDArray[Any], lesions: NDArray[np.bool_]) -> float:
    found = image >= np.quantile(image[image > 0], np.linspace(0.5, 0.999, 100))[:, None, None, None]
    overlap = (found & lesions).sum(axis=(1, 2, 3))
    return float((2 * overlap / (found.sum(axis=(1, 2, 3)) + lesions.sum())).max())


def test_the_corpus_is_made_of_other_sources() -> None:
    assert set(TASK_SOURCES) & set(DEMO_SOURCES) == set()


def test_only_what_is_asked_for_is_written(root: Path) -> None:
    assert [path.name for path in root.parent.iterdir()] == ["lesions"]
    assert (root / ".demo-complete").is_file()


def test_no_subject_is_named_twice() -> None:
    assert len({subject for _, subject in CASES}) == len(CASES)


def test_every_file_is_matched(candidates: list[Candidate]) -> None:
    roles = [candidate.layout.role for candidate in candidates if candidate.layout]
    assert len(candidates) == len(roles)
    assert roles.count("image") == len(IMAGES) * len(CASES)
    assert roles.count("label") == len(CASES)


def test_every_file_tells_its_part_and_subject(candidates: list[Candidate]) -> None:
    assert {(candidate.fields["part"], candidate.subject) for candidate in candidates} == set(CASES)


def test_the_source_file_states_what_it_selects(source: Source, candidates: list[Candidate]) -> None:
    for selection in ("reference", "clean"):
        taken = [candidate for candidate in candidates if candidate.verdict(selection).taken]
        assert len(taken) == source.document["expected"]["volumes"]
        assert {candidate.subject for candidate in taken} == set(SUBJECTS["training"])
    assert len(SUBJECTS["training"]) == source.document["expected"]["subjects"]


def test_the_same_subject_gives_the_same_bytes() -> None:
    first = images_of("lesion01")
    tissues_on.cache_clear()
    second = images_of("lesion01")
    assert {name: image.to_bytes() for name, image in first.items()} == {
        name: image.to_bytes() for name, image in second.items()
    }


def test_subjects_differ(cases: dict[str, Case]) -> None:
    assert len({case["flair"].tobytes() for case in cases.values()}) == len(CASES)
    assert len({number_components(case["lesions"])[1] for case in cases.values()}) >= 4


def test_both_parts_hold_all_scanners(root: Path) -> None:
    codes: Any = nib.orientations.aff2axcodes
    for part, subjects in SUBJECTS.items():
        images = [load(root / part / subject / f"{subject}_flair.nii.gz") for subject in subjects]
        assert {"".join(codes(image.affine)) for image in images} == ORIENTATIONS


def test_all_images_of_a_case_share_a_grid(root: Path) -> None:
    for part, subject in CASES[::7]:
        images = [load(path) for path in sorted((root / part / subject).iterdir())]
        assert len({image.shape for image in images}) == 1
        assert len({image.affine.tobytes() for image in images}) == 1


def test_each_case_has_lesions_in_its_brain(cases: dict[str, Case]) -> None:
    for case in cases.values():
        assert set(np.unique(case["lesions"])) == {0, 1}
        assert (case["flair"][case["lesions"] > 0] > 0).all()


def test_lesions_are_a_small_part_of_the_brain(cases: dict[str, Case]) -> None:
    shares = [case["lesions"].sum() / (case["flair"] > 0).sum() for case in cases.values()]
    assert 0 < min(shares) < max(shares) < 0.15


def test_lesions_are_bright_in_flair_and_dark_in_t1(cases: dict[str, Case]) -> None:
    for case in cases.values():
        lesions, around = rings(case)
        assert case["flair"][lesions].mean() > 1.1 * case["flair"][around].mean()
        assert case["t1"][lesions].mean() < 0.97 * case["t1"][around].mean()


def test_no_threshold_finds_the_lesions(cases: dict[str, Case]) -> None:
    scores = [best_dice_of_a_threshold(case["flair"], case["lesions"] > 0) for case in cases.values()]
    assert np.mean(scores) < 0.5
