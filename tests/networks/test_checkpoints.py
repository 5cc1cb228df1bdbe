"""What is loaded of a checkpoint, what is left, what is refused, and what is saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from networks import tables

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from brains45k.errors import CallError, DataError
from brains45k.networks import LoadReport, Options, create, load_weights, read_metadata, save_weights

PLAIN = Options()
FIRST = "encoder.in_conv.conv1.conv.weight"
PREFIXES = ("", "model.", "model._orig_mod.", "_orig_mod.", "network.", "module.model.")


def tiny(head: str = "reconstruction", *, channels: int = 1, classes: int = 1, options: Options = PLAIN) -> nn.Module:
    return create("unet_tiny", channels, classes, head, options=options)


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def written(folder: Path, tensors: Mapping[str, Any], prefix: str = "model.") -> Path:
    path = folder / "weights.pth"
    torch.save({prefix + name: tensor for name, tensor in tensors.items()}, path)
    return path


def assert_loaded(network: nn.Module, source: Mapping[str, Tensor], names: list[str]) -> None:
    found = weights(network)
    assert [name for name in found if name in source and torch.equal(found[name], source[name])] == names


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def encoder_of(network: nn.Module) -> list[str]:
    return [name for name, _ in network.named_parameters() if name.startswith("encoder.")]


def drawn(network: nn.Module) -> dict[str, Tensor]:
    """Return weights that no fresh network has, norms included."""
    return {name: torch.rand_like(parameter) + 0.1 for name, parameter in network.named_parameters()}


@pytest.mark.parametrize(
    "table", [row for row in tables.NETWORKS if row[1] == "reconstruction"], ids=lambda row: row[4]
)
def test_a_published_pretraining_checkpoint_loads_whole(
    table: tuple[str, str, int, int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, head, channels, classes, file = table
    # Views of one number take no memory and no time, whatever their shape.
    tensors = {key: torch.ones(()).expand(shape) for key, shape in tables.read_table(file).items()}
    monkeypatch.setattr("brains45k.networks.checkpoints.read_weights", lambda _path: tensors)
    with torch.device("meta"):
        report = load_weights(create(name, channels, classes, head), tmp_path / "x.pth")
        encoder = load_weights(create(name, channels, 3, "segmentation"), tmp_path / "x.pth")
    assert (report.encoder_loaded, report.head_loaded) == (report.encoder_total, report.head_total)
    assert report.encoder_total + report.head_total == len(tensors)
    assert not report.missing
    assert not report.unused
    assert encoder.encoder_loaded == encoder.encoder_total == report.encoder_total
    assert encoder.head_loaded == 0
    assert all(key.startswith("pred_head.") for key in encoder.missing)
    assert all(key.startswith("rec_head.") for key in encoder.unused)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("nested", [False, True])
def test_prefixes_are_taken_off(prefix: str, nested: bool, tmp_path: Path) -> None:
    network = tiny()
    source = drawn(network)
    held = {prefix + name: tensor for name, tensor in source.items()}
    torch.save({"state_dict": held} if nested else held, tmp_path / "w.ckpt")
    report = load_weights(network, tmp_path / "w.ckpt")
    assert_loaded(network, source, list(source))
    assert str(report) == "w.ckpt: 32 of 32 tensors of the encoder and 20 of 20 of the head loaded"


def test_pretraining_weights_for_segmentation(tmp_path: Path) -> None:
    network = tiny("segmentation", classes=3)
    before, source = weights(network), drawn(tiny())
    report = load_weights(network, written(tmp_path, source))
    assert_loaded(network, source, encoder_of(network))
    assert_loaded(network, before, [name for name in before if name.startswith("pred_head.")])
    assert str(report) == (
        "weights.pth: 32 of 32 tensors of the encoder and 0 of 32 of the head loaded; 20 of the file unused"
    )


def test_more_input_channels_leave_out_the_first_layer(tmp_path: Path) -> None:
    network = tiny("segmentation", channels=4, classes=3)
    source = drawn(tiny())
    report = load_weights(network, str(written(tmp_path, source)))
    assert_loaded(network, source, encoder_of(network)[1:])
    assert (report.encoder_loaded, report.encoder_total) == (31, 32)
    assert report.missing[0] == FIRST
    assert f"31 of 32 tensors of the encoder and 0 of 32 of the head loaded, not {FIRST};" in str(report)
    assert FIRST in report.unused


@pytest.mark.parametrize(("head", "classes"), [("reconstruction", 1), ("segmentation", 3)])
def test_a_head_called_decoder_is_taken_if_it_fits(head: str, classes: int, tmp_path: Path) -> None:
    network = tiny(head, classes=classes)
    source = drawn(network)
    renamed = {name.replace("rec_head", "decoder").replace("pred_head", "decoder"): t for name, t in source.items()}
    report = load_weights(network, written(tmp_path, renamed))
    assert report.head_loaded == report.head_total
    assert_loaded(network, source, list(source))


def test_a_head_called_decoder_that_does_not_fit_stays_under_its_name(tmp_path: Path) -> None:
    network = tiny()
    source = drawn(tiny("segmentation", classes=3))
    renamed = {name.replace("pred_head", "decoder"): tensor for name, tensor in source.items()}
    report = load_weights(network, written(tmp_path, renamed))
    assert report.head_loaded == 0
    assert all(name.startswith("decoder.") for name in report.unused)
    assert len(report.unused) == 32
    assert_loaded(network, source, encoder_of(network))


@pytest.mark.parametrize("other", ["shape", "absent"])
def test_a_head_is_loaded_whole_or_not_at_all(other: str, tmp_path: Path) -> None:
    network = tiny()
    before, source = weights(network), drawn(network)
    if other == "shape":
        source["rec_head.out_conv.bias"] = torch.ones(2)
    else:
        del source["rec_head.upsample2.bias"]
    assert load_weights(network, written(tmp_path, source)).head_loaded == 0
    assert_loaded(network, before, [name for name in before if name.startswith("rec_head.")])


def test_a_finetuned_checkpoint_gives_its_head_too(tmp_path: Path) -> None:
    network = tiny("segmentation", channels=4, classes=3)
    source = drawn(network)
    report = load_weights(network, written(tmp_path, source))
    assert (report.encoder_loaded, report.head_loaded) == (32, 32)
    assert_loaded(network, source, list(source))


@pytest.mark.parametrize(
    ("theirs", "share"), [("mednext_m", "of 226"), ("unet_b", "of 40")], ids=["other names", "other shapes"]
)
def test_another_networks_file_is_refused_and_nothing_is_loaded(theirs: str, share: str, tmp_path: Path) -> None:
    network = tiny()
    before = weights(network)
    path = written(tmp_path, create(theirs, 1, 1, "reconstruction").state_dict())
    with pytest.raises(DataError, match=rf"weights\.pth: \d+ {share} tensors of the encoder do not fit") as caught:
        load_weights(network, path)
    assert "Name the network that the file was made for." in str(caught.value)
    assert_loaded(network, before, list(before))


def test_a_network_that_has_all_its_names_in_the_file_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {kind: tables.read_table(f"pretrain_mednext_{kind}3_lw_dec_in1") for kind in ("m", "l")}
    assert shapes["m"].keys() < shapes["l"].keys()
    tensors = {name: torch.ones(()).expand(shape) for name, shape in shapes["l"].items()}
    monkeypatch.setattr("brains45k.networks.checkpoints.read_weights", lambda _path: tensors)
    with torch.device("meta"), pytest.raises(DataError, match="of 290 tensors of the encoder do not fit"):
        load_weights(create("mednext_m", 1, 1, "reconstruction"), tmp_path / "x.pth")


@pytest.mark.parametrize("side", ["network", "file"])
def test_the_bound_counts_both_sides(side: str, tmp_path: Path) -> None:
    def load(odd: int, **bound: float) -> LoadReport:
        network = tiny()
        source = drawn(network)
        for number, name in enumerate(encoder_of(network)[:odd]):
            if side == "network":
                del source[name]
            else:
                source[f"encoder.extra{number}.weight"] = torch.ones(3)
        return load_weights(network, written(tmp_path, source), **bound)

    assert load(1).encoder_loaded == (31 if side == "network" else 32)
    with pytest.raises(DataError, match=r"2 of 3[24] tensors of the encoder do not fit, at most 5% may"):
        load(2)
    assert load(2, max_unmatched_share=0.1).head_loaded == 20


def test_other_tensors_of_a_file_do_not_count(tmp_path: Path) -> None:
    network = tiny()
    source = drawn(network)
    others = {f"metric.{number}": torch.ones(2) for number in range(50)}
    report = load_weights(network, written(tmp_path, source | others))
    assert len(report.unused) == 50
    assert report.encoder_loaded == 32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_cast(dtype: torch.dtype, tmp_path: Path) -> None:
    network = tiny()
    source = {name: tensor.to(dtype) for name, tensor in drawn(network).items()}
    load_weights(network, written(tmp_path, source))
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert_loaded(network, {name: tensor.float() for name, tensor in source.items()}, list(source))


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (torch.full((8,), float("nan")), "holds values that are not finite"),
        (torch.tensor([1.0] * 7 + [float("inf")]), "holds values that are not finite"),
        (torch.full((8,), 1e300, dtype=torch.float64), "holds values that are not finite"),
        (torch.ones(8, dtype=torch.int64), r"is of type torch\.int64"),
        (torch.ones(8, dtype=torch.complex64), r"is of type torch\.complex64"),
    ],
)
def test_values_that_are_no_weights_are_refused_by_name(spoilt: Tensor, said: str, tmp_path: Path) -> None:
    network = tiny()
    before = weights(network)
    name = "encoder.in_conv.conv2.norm.bias"
    with pytest.raises(DataError, match=rf"weights\.pth: {name} {said}"):
        load_weights(network, written(tmp_path, drawn(network) | {name: spoilt}))
    assert_loaded(network, before, list(before))


def test_two_networks_in_one_file_are_refused(tmp_path: Path) -> None:
    source = drawn(tiny())
    torch.save(source | {f"model.{name}": tensor for name, tensor in source.items()}, tmp_path / "two.pth")
    with pytest.raises(DataError, match=r"two\.pth: holds two networks"):
        load_weights(tiny(), tmp_path / "two.pth")


@pytest.mark.parametrize("options", [PLAIN, Options(channels_last=True), Options(compile=True)])
@pytest.mark.usefixtures("compiled")
def test_what_is_saved_is_read_back_exactly(options: Options, tmp_path: Path) -> None:
    network, path = tiny(options=options), tmp_path / "w.safetensors"
    save_weights(network, path, {})
    other = tiny(options=Options(channels_last=True))
    report = load_weights(other, path)
    assert report.encoder_loaded + report.head_loaded == 52
    assert_loaded(other, weights(network), list(weights(network)))
    assert other.get_parameter("encoder.in_conv.conv2.conv.weight").stride(1) == 1
    assert files(tmp_path) == ["w.safetensors"]


def test_saved_bytes_are_always_the_same(tmp_path: Path) -> None:
    network = tiny()
    metadata = {f"key{number}": number for number in range(12)}
    for name, options in (("a", metadata), ("b", dict(reversed(metadata.items())))):
        save_weights(network, tmp_path / f"{name}.safetensors", options)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_metadata_comes_back(tmp_path: Path) -> None:
    metadata = {"config": {"epochs": 2, "rate": 1e-4}, "subjects": ["ä/1", "b"], "build_id": "x", "none": None}
    save_weights(tiny(), tmp_path / "w.safetensors", metadata)
    assert read_metadata(tmp_path / "w.safetensors") == metadata


def test_anothers_safetensors_have_no_metadata_of_ours(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "w.safetensors", {"format": "pt"})
    assert read_metadata(tmp_path / "w.safetensors") == {}


def test_metadata_of_what_is_no_safetensors(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"hello")
    for name in ("w.safetensors", "absent.safetensors"):
        with pytest.raises(DataError, match=name):
            read_metadata(tmp_path / name)


@pytest.mark.parametrize("name", ["w.pth", "absent/w.safetensors"])
def test_places_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=name):
        save_weights(tiny(), tmp_path / name, {})
    assert files(tmp_path) == []


def test_a_failed_save_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(tiny(), path, {"first": True})

    def fail(self: Path, _content: bytes) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(CallError, match=r"w\.safetensors: cannot be written \(.*No space left"):
        save_weights(tiny(), path, {})
    assert read_metadata(path) == {"first": True}
    assert files(tmp_path) == ["w.safetensors"]


def test_a_saved_file_can_be_read_by_all_that_may_read_others(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(tiny(), path, {})
    (tmp_path / "usual").touch()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
