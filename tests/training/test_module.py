from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from brains45k.training.module import AmaesModule, Sample  # noqa: E402
from brains45k.training.patches import Batch  # noqa: E402
from brains45k.training.plan import FILLER_ROW  # noqa: E402
from brains45k.training.settings import make_settings  # noqa: E402

_ENTRY: dict[str, Any] = {
    "name": "run",
    "network": "unet_tiny",
    "patch_size_voxels": 32,
    "accelerator": "cpu",
    "precision": "32-true",
}


def _module(**changes: Any) -> AmaesModule:
    module = AmaesModule(make_settings(_ENTRY | changes), steps_per_epoch=4, volume_ids=["a", "b", "c"])
    trainer: Any = SimpleNamespace(strategy=SimpleNamespace(reduce=_alone), training=True)
    module.trainer = trainer
    return module


def _alone(value: Any, *, reduce_op: str) -> Any:
    """Reduce over one process."""
    return value


def _batch(size_voxels: int, rows: tuple[int, ...] = (0, 1)) -> Batch:
    levels = torch.randint(0, 4096, (len(rows), *(size_voxels,) * 3), dtype=torch.int16)
    return Batch(levels, torch.tensor(rows), torch.tensor([10 + row for row in rows]))


def _validate(module: AmaesModule, *samples: Sample) -> tuple[float, float]:
    module.on_validation_epoch_start()
    with torch.no_grad():
        for sample in samples:
            module.validation_step(sample, 0)
    module.on_validation_epoch_end()
    found = module.validation_loss
    assert found is not None
    return found.network, found.mean


def test_first_weights_follow_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = _module().state_dict()
    torch.manual_seed(2)
    same, other = _module().state_dict(), _module(seed=7).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_making_a_module_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    _module()
    assert torch.equal(torch.get_rng_state(), before)


def test_without_augmentation_the_target_is_the_stored_image() -> None:
    batch = _batch(32)
    sample = _module().prepare(batch, preset="none")
    assert torch.allclose(sample.target[:, 0], batch.levels / 4095, atol=1e-7)
    assert torch.equal(sample.image, sample.target)
    assert sample.mask.float().mean().item() == pytest.approx(308 / 512)


def test_validation_draws_no_augmentation() -> None:
    module = _module()
    module.trainer.training = False
    batch = _batch(32)
    assert torch.equal(module.on_after_batch_transfer(batch, 0).image, module.prepare(batch, preset="none").image)


@pytest.mark.parametrize("over", ["all", "masked"])
def test_the_mean_is_the_best_constant_on_the_same_voxels(over: str) -> None:
    module = _module(loss_over=over)
    samples = [module.prepare(_batch(32, rows), preset="none") for rows in ((0, 1), (2,))]
    targets = torch.cat(
        [sample.target[sample.mask] if over == "masked" else sample.target.flatten() for sample in samples]
    )
    _, mean = _validate(module, *samples)
    assert mean == pytest.approx(float(targets.double().var(unbiased=False)), rel=1e-6)


def test_each_patch_weighs_alike_whatever_its_batch() -> None:
    module = _module()
    sample = module.prepare(_batch(32, (0, 1, 2)), preset="none")
    parts = [Sample(*(each[part] for each in sample)) for part in (slice(0, 2), slice(2, 3))]
    assert _validate(module, *parts) == pytest.approx(_validate(module, sample), rel=1e-5)


def test_a_filler_does_not_count() -> None:
    module = _module()
    sample = module.prepare(_batch(32, (0,)), preset="none")
    filler = sample._replace(rows=torch.tensor([FILLER_ROW]), target=torch.zeros_like(sample.target))
    assert _validate(module, sample, filler) == _validate(module, sample)


def test_the_learning_rate_rises_and_falls_over_the_run() -> None:
    module = _module(epochs=3, warmup_epochs=1, learning_rate=0.5)
    parts = module.configure_optimizers()
    rates = []
    for _ in range(12):
        rates.append(parts["optimizer"].param_groups[0]["lr"])
        parts["optimizer"].step()
        parts["lr_scheduler"]["scheduler"].step()
    assert rates[0] == pytest.approx(0.0005)
    assert max(rates) == rates[4] == 0.5
    assert rates[-1] == pytest.approx(0.5 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * 7 / 8)).item()))
