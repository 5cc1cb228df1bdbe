"""The loaders: the same stream whatever reads it, resumed anywhere, in workers of every kind, for long."""

import gc
import shutil
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_corpus import SmallCorpus

pytest.importorskip("torch")
import torch

from brains45k.corpus.chunks import TOP_LEVEL
from brains45k.corpus.reader import Corpus, open_corpus
from brains45k.errors import CallError, DataError
from brains45k.training.loader import PatchLoader, TrainLoader, train_loader, validation_loader
from brains45k.training.order import Share, patch_start
from brains45k.training.patches import Batch, rows_of

SIZE_VOXELS = 20
TIMEOUT_S = 60

pytestmark = [
    # A fork beside a library's thread is what training does, and what Python 3.12 warns of.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    # Of more workers than cores, which a small machine has.
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


@pytest.fixture(scope="module")
def opened(corpus: SmallCorpus) -> Corpus:
    return open_corpus(corpus.manifest)


@pytest.fixture(scope="module")
def damaged(corpus: SmallCorpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of whose volumes to train on the first became zeros after it was opened."""
    workdir = Path(shutil.copytree(corpus.workdir, tmp_path_factory.mktemp("damaged") / "copy"))
    opened = open_corpus(workdir / "manifests/corpus.parquet")
    shard, array = opened.manifest[["shard", "array"]].iloc[rows_of(opened, "train")[0]]
    file = workdir / shard / array / "c/0/0/0"
    file.write_bytes(bytes(file.stat().st_size))
    return opened


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_train(opened: Corpus, *, batch_size: int = 2, rank: int = 0, ranks: int = 1, **options: Any) -> TrainLoader:
    share = Share(batch_size=batch_size, rank=rank, ranks=ranks)
    return train_loader(opened, share, size_voxels=SIZE_VOXELS, seed=45, **options)


def make_validation(opened: Corpus, **options: Any) -> PatchLoader:
    return validation_loader(opened, Share(batch_size=3), size_voxels=SIZE_VOXELS, seed=45, **options)


def contents(batches: Iterator[Batch] | PatchLoader) -> list[tuple[list[int], list[int], bytes]]:
    return [(batch.rows.tolist(), batch.keys.tolist(), batch.levels.numpy().tobytes()) for batch in batches]


def epoch_of(loader: TrainLoader, epoch: int, first_batch: int = 0) -> list[tuple[list[int], list[int], bytes]]:
    loader.set_position(epoch, first_batch)
    return contents(loader)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(opened: Corpus, workers: int) -> None:
    alone, with_workers = make_train(opened), make_train(opened, workers=workers, context="fork")
    for epoch in (0, 1, 5):
        assert epoch_of(with_workers, epoch) == epoch_of(alone, epoch)
    assert epoch_of(alone, 0) != epoch_of(alone, 1)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_processes_together_see_what_one_sees(opened: Corpus, ranks: int) -> None:
    (whole,) = epoch_of(make_train(opened, batch_size=4), 3)
    loaders = [make_train(opened, batch_size=4 // ranks, rank=rank, ranks=ranks) for rank in range(ranks)]
    rows, keys, levels = zip(*chain.from_iterable(epoch_of(loader, 3) for loader in loaders), strict=True)
    assert (list(chain(*rows)), list(chain(*keys)), b"".join(levels)) == whole


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_in_its_middle(opened: Corpus, workers: int) -> None:
    whole = epoch_of(make_train(opened, batch_size=1), 2)
    loader = make_train(opened, batch_size=1, workers=workers, context="fork")
    for first_batch in (3, 0, 1, len(whole)):
        assert epoch_of(loader, 2, first_batch) == whole[first_batch:]
        assert len(loader) == len(whole)


def test_a_position_holds_until_another_is_said(opened: Corpus) -> None:
    loader = make_train(opened)
    assert epoch_of(loader, 1, 1) == contents(loader)


@pytest.mark.parametrize("first_batch", [-1, 3])
def test_a_position_outside_the_epoch_is_refused(opened: Corpus, first_batch: int) -> None:
    with pytest.raises(CallError, match=f"an epoch has 2 batches: epoch 1 cannot begin at batch {first_batch}"):
        make_train(opened).set_position(1, first_batch)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_that_is_broken_off_leaves_no_trace(opened: Corpus, workers: int) -> None:
    loader = make_train(opened, batch_size=1, workers=workers, context="fork")
    whole = epoch_of(loader, 0)
    for _ in range(4):
        for batch in loader:
            assert contents(iter([batch])) == whole[:1]
            break
        assert contents(loader) == whole


def test_batches_that_are_kept_keep_their_voxels(opened: Corpus) -> None:
    loader = make_train(opened, batch_size=1, workers=1, context="fork")
    kept = [batch for epoch in range(3) for batch in positioned(loader, epoch)]
    assert contents(iter(kept)) == list(chain.from_iterable(epoch_of(loader, epoch) for epoch in range(3)))


def positioned(loader: TrainLoader, epoch: int) -> TrainLoader:
    loader.set_position(epoch)
    return loader


def test_every_volume_to_train_on_comes_once_but_for_the_rest(opened: Corpus) -> None:
    train = rows_of(opened, "train")
    for epoch in range(3):
        rows = list(chain.from_iterable(rows for rows, _, _ in epoch_of(make_train(opened), epoch)))
        assert len(rows) == len(set(rows)) == len(train) // 2 * 2
        assert set(rows) <= set(train)


def test_accumulated_batches_fill_their_steps(opened: Corpus) -> None:
    assert len(rows_of(opened, "train")) == 5
    assert len(make_train(opened, batch_size=1, accumulate_batches=2)) == 4
    assert len(make_train(opened, batch_size=1, accumulate_batches=5)) == 5
    with pytest.raises(CallError, match="5 volumes to train on, one step takes 6"):
        make_train(opened, batch_size=2, accumulate_batches=3)


def test_patches_are_where_their_keys_say(opened: Corpus) -> None:
    loader = make_train(opened, workers=1, context="fork")
    for batch in loader:
        for levels, row, key in zip(batch.levels, batch.rows.tolist(), batch.keys.tolist(), strict=True):
            start = patch_start(key, opened.shape(row), SIZE_VOXELS)
            patch = opened.patch(opened.manifest["volume_id"][row], start, (SIZE_VOXELS,) * 3)
            np.testing.assert_array_equal(levels.numpy() * np.float32(1 / TOP_LEVEL), patch)


@pytest.mark.parametrize("workers", [0, 1])
def test_validation_is_the_same_each_time(opened: Corpus, workers: int) -> None:
    loader = make_validation(opened, workers=workers, context="fork")
    first = contents(loader)
    assert contents(loader) == first == contents(make_validation(opened))
    assert [row for rows, _, _ in first for row in rows] == rows_of(opened, "val")
    assert [len(rows) for rows, _, _ in first] == [3, 1]
    assert len(loader) == 2


def test_torchs_random_state_is_left_alone(opened: Corpus) -> None:
    state = torch.get_rng_state()
    contents(make_train(opened, workers=1, context="fork"))
    contents(make_validation(opened))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_no_way_to_start_workers_hangs(opened: Corpus, context: str) -> None:
    # After reads here, and beside threads of torch's own and of ours that go on reading.
    expected = contents(make_train(opened, batch_size=1))
    torch.set_num_threads(2)
    assert (torch.ones(400, 400) @ torch.ones(400, 400)).sum() == 400**3
    done = threading.Event()
    thread = threading.Thread(target=read_until, args=(opened, done))
    thread.start()
    try:
        loader = make_train(opened, batch_size=1, workers=1, context=context)
        loader.timeout = TIMEOUT_S
        assert contents(loader) == expected
    finally:
        done.set()
        thread.join()


def read_until(opened: Corpus, done: threading.Event) -> None:
    while not done.is_set():
        opened.patch(opened.manifest["volume_id"][0], (0, 0, 0), (40, 40, 40))


@pytest.mark.parametrize("workers", [0, 2])
def test_damage_is_told_in_one_line(damaged: Corpus, workers: int) -> None:
    shard, array = damaged.manifest[["shard", "array"]].iloc[rows_of(damaged, "train")[0]]
    with pytest.raises(DataError) as caught:
        contents(make_train(damaged, batch_size=1, workers=workers, context="fork"))
    assert str(caught.value).startswith(f"{shard}/{array}: damaged (")
    assert str(caught.value).endswith(f"Delete {shard} and build the corpus again.")
    assert "\n" not in str(caught.value)


def test_what_damage_left_unanswered_is_used_again(damaged: Corpus) -> None:
    loader = make_train(damaged, batch_size=1)
    for _ in range(9):
        with pytest.raises(DataError):
            contents(loader)
    assert next(iter(loader.sampler)).slot is not None


def test_memory_and_files_stay_as_they_are(opened: Corpus) -> None:
    loader = make_train(opened, batch_size=1, workers=1, context="fork")

    def take(epochs: range) -> tuple[list[int], list[int]]:
        for epoch in epochs:
            for _ in positioned(loader, epoch):
                pass
        gc.collect()
        (worker,) = loader._iterator._workers  # type: ignore[union-attr]
        folders = [Path("/proc/self"), Path(f"/proc/{worker.pid}")]
        return [own_bytes(folder) for folder in folders], [len(list((folder / "fd").iterdir())) for folder in folders]

    bytes_before, files_before = take(range(20))
    bytes_after, files_after = take(range(20, 100))
    # 400 batches of 16 kB, 6.4 MB, have passed.
    assert max(after - before for before, after in zip(bytes_before, bytes_after, strict=True)) < 2**20
    assert files_after == files_before


def own_bytes(process: Path) -> int:
    """Return a process's memory that is not shared, in bytes."""
    fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024


def test_workers_end_when_their_loader_is_closed(opened: Corpus) -> None:
    loader = make_train(opened, batch_size=1, workers=2, context="fork")
    batches = iter(loader)
    next(batches)
    workers = loader._iterator._workers  # type: ignore[union-attr]
    assert all(worker.is_alive() for worker in workers)
    loader.close()
    assert not any(worker.is_alive() for worker in workers)
    # And come again.
    assert len(contents(loader)) == 5
    loader.close()
    loader.close()


def test_a_loader_without_workers_can_be_closed(opened: Corpus) -> None:
    loader = make_train(opened)
    contents(loader)
    loader.close()
    assert len(contents(loader)) == 2
