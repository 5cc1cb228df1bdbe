"""The networks are AMAES's: names, shapes, order and totals of the parameters, and what they compute."""

import importlib.util
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from networks import filling, tables

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from networks import reference
from networks.reference import Choices
from torch import Tensor, nn

from brains45k.networks import create

TABLES = {table: (name, head, channels, classes) for name, head, channels, classes, table in tables.NETWORKS}
SIZE = (32, 32, 32)
RIGHT = Choices()
# The least that has more than one voxel at the deepest level.
SMALL = (16, 16, 32)

#: Parameters of encoder and decoder, and number of tensors, as counted in the reference's code.
TOTALS = {
    "pretrain_unet_b_lw_dec_in1": (14_134_944, 3_744_673, 66),
    "pretrain_unet_xl_lw_dec_in1": (56_526_144, 14_974_785, 66),
    "pretrain_mednext_m3_lw_dec_in1": (12_491_712, 3_744_673, 220),
    "pretrain_mednext_l3_lw_dec_in1": (46_752_320, 3_744_673, 316),
    "finetune_unet_b_in1_cls3": (14_134_944, 8_446_339, 82),
    "finetune_unet_xl_in1_cls3": (56_526_144, 33_778_435, 82),
    "finetune_mednext_m3_std_dec_in1_cls3": (12_491_712, 8_446_339, 236),
    "finetune_mednext_l3_std_dec_in1_cls3": (46_752_320, 8_446_339, 332),
    "finetune_unet_b_in4_cls3": (14_134_944 + 2_592, 8_446_339, 82),
    "finetune_unet_xl_in4_cls3": (56_526_144 + 5_184, 33_778_435, 82),
    "finetune_mednext_m3_std_dec_in4_cls3": (12_491_712 + 96, 8_446_339, 236),
    "finetune_mednext_l3_std_dec_in4_cls3": (46_752_320 + 96, 8_446_339, 332),
}


def weightless(table: str) -> nn.Module:
    """Make a network that has shapes and no memory."""
    name, head, channels, classes = TABLES[table]
    with torch.device("meta"):
        return create(name, channels, classes, head)


@lru_cache(maxsize=1)
def filled(table: str) -> dict[str, Tensor]:
    """Return a network's parameters, float64, filled in the agreed way."""
    values = {name: filling.parameter(tables.PREFIX + name, shape) for name, shape in tables.read_table(table).items()}
    return {name: torch.from_numpy(value) for name, value in values.items()}


def image(table: str, size: tuple[int, int, int]) -> Tensor:
    return torch.from_numpy(filling.image(TABLES[table][2], size))


def output(table: str, size: tuple[int, int, int], dtype: torch.dtype) -> Tensor:
    """Return what our network gives in some precision."""
    name, head, channels, classes = TABLES[table]
    with torch.device("meta"):
        network = create(name, channels, classes, head).to(dtype)
    network.load_state_dict({key: value.to(dtype) for key, value in filled(table).items()}, assign=True)
    with torch.no_grad():
        result: Tensor = network(image(table, size).to(dtype))
    return result.double()


@cache
def expected(table: str, size: tuple[int, int, int], choices: Choices = RIGHT) -> Tensor:
    """Return what the reference gives in float64."""
    with torch.no_grad():
        return reference.run(filled(table), image(table, size), choices)


def distance(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


def test_every_table_has_a_network() -> None:
    assert TABLES.keys() == {path.stem for path in tables.FOLDER.glob("*.tsv")} == TOTALS.keys()


@pytest.mark.parametrize("table", TABLES)
def test_names_shapes_and_order(table: str) -> None:
    network = weightless(table)
    expected = tables.read_table(table)
    found = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert list(found) == list(expected)
    assert found == expected
    assert not list(network.buffers())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


@pytest.mark.parametrize("table", TABLES)
def test_totals(table: str) -> None:
    sizes = {name: parameter.numel() for name, parameter in weightless(table).named_parameters()}
    encoder = sum(size for name, size in sizes.items() if name.startswith("encoder."))
    assert (encoder, sum(sizes.values()) - encoder, len(sizes)) == TOTALS[table]


@pytest.mark.parametrize(
    ("table", "size"),
    [
        ("pretrain_unet_b_lw_dec_in1", SIZE),
        ("finetune_unet_b_in4_cls3", SMALL),
        ("pretrain_mednext_m3_lw_dec_in1", SMALL),
        ("finetune_mednext_m3_std_dec_in1_cls3", SIZE),
        ("pretrain_unet_xl_lw_dec_in1", SMALL),
        ("pretrain_mednext_l3_lw_dec_in1", SMALL),
    ],
)
def test_outputs_are_the_references(table: str, size: tuple[int, int, int]) -> None:
    ours = output(table, size, torch.float64)
    assert ours.shape == (1, TABLES[table][3], *size)
    assert distance(ours, expected(table, size)) < 1e-9


@pytest.mark.parametrize("table", ["pretrain_unet_b_lw_dec_in1", "finetune_mednext_m3_std_dec_in1_cls3"])
def test_outputs_in_single_precision(table: str) -> None:
    assert distance(output(table, SIZE, torch.float32), expected(table, SIZE)) < 1e-5


# How far each mistake moves the output was measured on the reference's own code: that ours moves as far shows that
# the comparison above compares with the right thing, and would tell.
@pytest.mark.parametrize(
    ("table", "wrong", "moved"),
    [
        ("pretrain_unet_b_lw_dec_in1", Choices(eps=1e-6), 2.4e-4),
        ("pretrain_unet_b_lw_dec_in1", Choices(slope=0.02), 5.6e-2),
        ("pretrain_unet_b_lw_dec_in1", Choices(pooling="mean"), 0.65),
        ("finetune_unet_b_in1_cls3", Choices(skip_first=True), 0.97),
        ("finetune_mednext_m3_std_dec_in1_cls3", Choices(eps=1e-6), 1.4e-3),
        ("finetune_mednext_m3_std_dec_in1_cls3", Choices(gelu="tanh"), 3.3e-4),
    ],
)
def test_common_mistakes_would_be_seen(table: str, wrong: Choices, moved: float) -> None:
    assert distance(expected(table, SIZE, wrong), expected(table, SIZE)) == pytest.approx(moved, rel=0.03)


def test_the_image_differs_along_its_axes() -> None:
    values = filling.image(2, (8, 8, 8))
    assert values.min() >= 0
    assert values.max() < 1
    for axes in ((0, 1, 3, 2, 4), (0, 1, 4, 3, 2), (0, 1, 2, 4, 3)):
        assert not np.allclose(values, values.transpose(axes), atol=0.1)


@pytest.mark.shared
def test_tables_are_those_of_the_shared_folder(shared_amaes: Path) -> None:
    for table in TABLES:
        assert tables.read_table(table) == tables.read_table(table, shared_amaes / "state_dicts")


@pytest.mark.shared
def test_the_filling_is_that_of_the_shared_folder(shared_amaes: Path) -> None:
    theirs = _module(shared_amaes / "fill.py")
    shapes = tables.read_table("finetune_mednext_m3_std_dec_in4_cls3")
    for name in list(shapes)[::7]:
        key = tables.PREFIX + name
        assert np.array_equal(filling.parameter(key, shapes[name]), theirs.param_values(key, shapes[name]))
    np.testing.assert_allclose(filling.image(4, SIZE), theirs.input_values(4, SIZE), rtol=0, atol=1e-15)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
