"""Batches against the arrays that they were cut from."""

import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.finetuning import Toy, make_toy, write_case  # noqa: E402

from brains45k.errors import DataError  # noqa: E402
from brains45k.segmentation.patches import (  # noqa: E402
    Batch,
    Cases,
    TrainPatches,
    ValidationPatches,
    read_batch,
    step_loader,
)
from brains45k.segmentation.sampling import fixed_start, sample_of, start_of  # noqa: E402

_NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def cases(toy: Toy) -> Cases:
    return Cases(toy.cases, _NAMES, channels=2)


def patches(cases: Cases) -> TrainPatches:
    return TrainPatches(cases, seed=3, size_voxels=16, batch_size=2, foreground_share=0.5)


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(part, twin) for part, twin in zip(one, other, strict=True))


@pytest.mark.parametrize("start", [(0, 0, 0), (3, 1, 2), (-2, 5, 0), (8, 9, 6), (-4, -4, -4)])
@pytest.mark.parametrize("size", [8, 24])
def test_a_patch_is_the_cases_voxels_and_zeros_around(
    toy: Toy, cases: Cases, start: tuple[int, int, int], size: int
) -> None:
    image, label = (np.load(toy.cases / "b" / f"{name}.npy") for name in ("image", "label"))
    around = [(32, 32)] * 3
    box = tuple(slice(32 + low, 32 + low + size) for low in start)
    batch = read_batch(cases, [1], [start], [7], size_voxels=size)
    assert np.array_equal(batch.levels[0].numpy(), np.pad(image, [(0, 0), *around])[:, *box])
    assert np.array_equal(batch.labels[0].numpy(), np.pad(label, around)[box])
    assert (batch.levels.dtype, batch.labels.dtype) == (torch.int16, torch.uint8)
    assert (batch.cases.tolist(), batch.keys.tolist()) == ([1], [7])


def test_the_highest_level_travels(tmp_path: Path) -> None:
    write_case(tmp_path / "top", seed=1)
    np.save(tmp_path / "top" / "image.npy", np.full((2, 8, 8, 8), 4095, np.uint16))
    np.save(tmp_path / "top" / "label.npy", np.ones((8, 8, 8), np.uint8))
    batch = read_batch(Cases(tmp_path, ["top"], channels=2), [0], [(0, 0, 0)], [0], size_voxels=8)
    assert (batch.levels == 4095).all()


def test_a_steps_batch_is_what_seed_and_step_draw(cases: Cases) -> None:
    batch = patches(cases)[5]
    drawn = [sample_of(3, 5, index, batch_size=2, cases=3) for index in range(2)]
    assert list(zip(batch.cases.tolist(), batch.keys.tolist(), strict=True)) == drawn
    starts = [
        start_of(key, cases.shape(case), cases.foreground[case], size_voxels=16, foreground_share=0.5)
        for case, key in drawn
    ]
    expected = read_batch(cases, [case for case, _ in drawn], starts, [key for _, key in drawn], size_voxels=16)
    assert same(batch, expected)


def test_cases_go_to_workers_without_their_voxels(cases: Cases) -> None:
    sent = pickle.dumps(patches(cases))
    assert len(sent) < 20_000
    assert same(pickle.loads(sent)[4], patches(cases)[4])  # noqa: S301 - pickled one line above


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_and_resumption_change_no_batch(cases: Cases, workers: int) -> None:
    loader = step_loader(patches(cases), steps=7, workers=workers, pin_memory=False)
    loader.set_position(0, 2)
    state = torch.get_rng_state()
    found = list(loader)
    loader.close()
    assert len(loader) == 7
    assert all(same(one, patches(cases)[step]) for step, one in zip(range(2, 7), found, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loader_that_is_broken_off_ends_its_workers(cases: Cases) -> None:
    loader = step_loader(patches(cases), steps=50, workers=1, pin_memory=False)
    running = iter(loader)
    next(running)
    (worker,) = running._workers
    loader.close()
    assert not worker.is_alive()


def test_validation_takes_each_case_once_and_the_same_each_time(cases: Cases) -> None:
    validation = ValidationPatches(cases, size_voxels=16, batch_size=2)
    first, again = list(validation), list(validation)
    assert len(validation) == len(first) == 2
    assert [batch.cases.tolist() for batch in first] == [[0, 1], [2]]
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    start = fixed_start(cases.shape(2), cases.foreground[2], size_voxels=16)
    assert same(first[1], read_batch(cases, [2], [start], [0], size_voxels=16))


def test_a_case_of_other_images_is_named(toy: Toy) -> None:
    with pytest.raises(DataError, match=r"cases/a: 2 images, but the task has 3\. Delete the folder"):
        Cases(toy.cases, ["a"], channels=3)


def test_a_case_that_is_not_there_is_named(toy: Toy) -> None:
    with pytest.raises(DataError, match="cases/nobody"):
        Cases(toy.cases, ["nobody"], channels=2)
