import pytest

pytest.importorskip("torch")

from brains45k.training.bar import newest

_TRAIN = {
    "step": 8,
    "epoch": 0.5,
    "train_loss": 0.25,
    "learning_rate": 0.1,
    "patches_per_s": 12.34,
    "waiting_share": 0.015,
}


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([], ""),
        ([_TRAIN], "epoch 0.5, loss 0.2500, 12.3 patches/s, waiting 1.5%"),
        (
            [_TRAIN, {"step": 8, "epoch": 1.0, "val_loss": 0.5}],
            "epoch 1.0, loss 0.2500, val 0.5000, 12.3 patches/s, waiting 1.5%",
        ),
        ([{"step": 8, "epoch": 1.0, "val_loss": 0.5, "val_dice": 0.75}], "epoch 1.0, val 0.5000, Dice 0.750"),
    ],
)
def test_the_newest_of_each_is_shown(rows: list[dict[str, float]], shown: str) -> None:
    assert newest(rows) == shown
