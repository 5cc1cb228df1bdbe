from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from brains45k import networks  # noqa: E402
from brains45k.errors import DataError  # noqa: E402
from brains45k.segmentation.loss import segmentation_loss  # noqa: E402
from brains45k.segmentation.module import SegmentationModule, count_voxels, mean_dice  # noqa: E402
from brains45k.segmentation.patches import Batch  # noqa: E402
from brains45k.segmentation.settings import make_settings  # noqa: E402

_ENTRY: dict[str, Any] = {
    "name": "run",
    "network": "unet_tiny",
    "patch_size_voxels": 16,
    "accelerator": "cpu",
    "precision": "32-true",
}


def module(*, seed: int = 3, channels: int = 1, pretrained: Path | None = None, **changes: Any) -> SegmentationModule:
    made = SegmentationModule(
        make_settings(_ENTRY | changes),
        seed=seed,
        channels=channels,
        classes=3,
        train_cases=["a", "b", "c"],
        pretrained=pretrained,
    )
    trainer: Any = SimpleNamespace(training=True, global_step=7)
    made.trainer = trainer
    return made


def batch(*numbers: int) -> Batch:
    generator = torch.Generator().manual_seed(4)
    levels = torch.randint(0, 4096, (len(numbers), 1, 16, 16, 16), generator=generator, dtype=torch.int16)
    labels = torch.randint(0, 3, (len(numbers), 16, 16, 16), generator=generator).to(torch.uint8)
    return Batch(levels, labels, torch.tensor(numbers), torch.tensor([10 + number for number in numbers]))


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    """Name the tensors that are the same on both sides."""
    assert list(one) == list(other)
    return {name for name in one if torch.equal(one[name], other[name])}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    networks.save_weights(networks.create("unet_tiny", 1, 1, "reconstruction"), path, {})
    return path


def test_first_weights_follow_the_seed_alone() -> None:
    state = torch.get_rng_state()
    one = module().state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert equal(one, module().state_dict()) == set(one)
    assert equal(one, module(seed=4).state_dict()) < set(one)


def test_only_the_encoder_comes_from_the_checkpoint(checkpoint: Path) -> None:
    scratch, found = module().state_dict(), module(pretrained=checkpoint)
    saved = networks.create("unet_tiny", 1, 1, "reconstruction")
    networks.load_weights(saved, checkpoint)
    tensors = found.state_dict()
    encoder = {name for name in tensors if name.startswith("model.encoder.")}
    assert encoder
    assert all(torch.equal(tensors[name], saved.state_dict()[name.removeprefix("model.")]) for name in encoder)
    # Norms begin alike everywhere.
    assert equal(scratch, tensors) >= set(tensors) - encoder
    assert encoder - equal(scratch, tensors) == {name for name in encoder if ".conv." in name}
    assert f"{len(encoder)} of {len(encoder)} tensors of the encoder" in str(found.load_report)


def test_with_other_images_the_first_layer_is_new_and_the_report_names_it(checkpoint: Path) -> None:
    scratch, found = module(channels=2), module(channels=2, pretrained=checkpoint)
    first = "model.encoder.in_conv.conv1.conv.weight"
    assert torch.equal(scratch.state_dict()[first], found.state_dict()[first])
    assert "not encoder.in_conv.conv1.conv.weight" in str(found.load_report)


def test_a_checkpoint_of_another_network_is_refused(checkpoint: Path) -> None:
    with pytest.raises(DataError, match="do not fit"):
        module(pretrained=checkpoint, network="unet_b", patch_size_voxels=32)


def test_the_optimizer_takes_all_weights_and_the_settings_rates() -> None:
    made = module(epochs=4, batches_per_epoch=2, weight_decay=0.5)
    found = made.configure_optimizers()
    optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
    (group,) = optimizer.param_groups
    assert len(group["params"]) == len(list(made.parameters()))
    assert (group["weight_decay"], group["betas"], group["eps"]) == (0.5, (0.9, 0.999), 1e-8)
    rates = []
    for _ in range(8):
        rates.append(group["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([made.settings.learning_rate_at(step) for step in range(8)], rel=1e-12)


def test_stored_levels_become_voxels() -> None:
    stored = batch(0, 1)
    sample = module().prepare(stored, preset="none")
    assert torch.allclose(sample.image, stored.levels / 4095, atol=1e-7)
    assert torch.equal(sample.label, stored.labels)


def test_validations_are_not_augmented() -> None:
    made = module(augmentation="all")
    stored = batch(*[0] * 12)
    made.trainer.training = False
    assert torch.equal(made.on_after_batch_transfer(stored, 0).image, made.prepare(stored, preset="none").image)
    made.trainer.training = True
    assert not torch.equal(made.on_after_batch_transfer(stored, 0).image, made.prepare(stored, preset="none").image)


@pytest.mark.parametrize("deep_supervision", [False, True])
def test_the_loss_is_that_of_the_logits(deep_supervision: bool) -> None:
    made = module(deep_supervision=deep_supervision)
    sample = made.prepare(batch(0, 1), preset="none")
    logits = made(sample.image)
    assert isinstance(logits, list) == deep_supervision
    assert torch.equal(made.training_step(sample, 0), segmentation_loss(logits, sample.label))


def test_a_gradient_that_is_not_finite_names_its_cases() -> None:
    made = module()
    sample = made.prepare(batch(2, 0), preset="none")
    loss = made.training_step(sample._replace(image=sample.image * float("nan")), 0)
    loss.backward()  # type: ignore[no-untyped-call]
    with pytest.raises(DataError, match=r"run 'run'|run run: .* at step 7; the loss is nan on the cases c, a\. Look"):
        made.on_before_optimizer_step(torch.optim.SGD(made.parameters()))


def test_a_finite_gradient_passes_and_its_cases_are_forgotten() -> None:
    made = module()
    made.training_step(made.prepare(batch(1), preset="none"), 0).backward()  # type: ignore[no-untyped-call]
    made.on_before_optimizer_step(torch.optim.SGD(made.parameters()))
    assert made._taken == []


def test_a_validation_is_the_mean_over_patches_and_the_dice_of_all_together() -> None:
    made = module().eval()
    batches = [made.prepare(batch(0, 1), preset="none"), made.prepare(batch(2), preset="none")]
    assert made.validated == {}
    for _ in range(2):
        made.on_validation_epoch_start()
        with torch.no_grad():
            for sample in batches:
                made.validation_step(sample, 0)
        made.on_validation_epoch_end()
    images, labels = (torch.cat([sample[part] for sample in batches]) for part in (0, 1))
    with torch.no_grad():
        logits = made(images)
        assert made.validated["val_loss"] == pytest.approx(segmentation_loss(logits, labels).item(), abs=1e-5)
    expected = mean_dice(count_voxels(logits.argmax(1), labels, classes=3))
    assert made.validated["val_dice"] == pytest.approx(expected, abs=1e-3)


def test_voxels_are_counted_by_class_without_the_ignored() -> None:
    predicted = torch.tensor([[0, 1, 1, 2, 1, 2]]).view(1, 1, 2, 3)
    labels = torch.tensor([[1, 1, 0, 1, 255, 255]], dtype=torch.uint8).view(1, 1, 2, 3)
    counts = count_voxels(predicted, labels, classes=3)
    assert counts.tolist() == [[1, 0], [2, 1], [3, 0]]
    assert mean_dice(counts) == pytest.approx((2 / 5 + 0) / 2)


def test_a_class_that_is_nowhere_does_not_count() -> None:
    assert mean_dice(torch.tensor([[3, 0], [4, 0], [5, 0]])) == pytest.approx(6 / 9)
    assert mean_dice(torch.zeros((3, 2), dtype=torch.int64)) is None
