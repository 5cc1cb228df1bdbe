"""The names and shapes of the reference's parameters, in their order."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data"
PREFIX = "model."

#: Our name and head, input channels, output channels, and the reference's table.
NETWORKS = [
    (ours, head, channels, classes, f"{kind}_{theirs}_in{channels}{suffix}")
    for head, kind, all_channels, classes, suffix in (
        ("reconstruction", "pretrain", (1,), 1, ""),
        ("segmentation", "finetune", (1, 4), 3, "_cls3"),
    )
    for ours, theirs in (
        ("unet_b", "unet_b_lw_dec" if kind == "pretrain" else "unet_b"),
        ("unet_xl", "unet_xl_lw_dec" if kind == "pretrain" else "unet_xl"),
        ("mednext_m", "mednext_m3_lw_dec" if kind == "pretrain" else "mednext_m3_std_dec"),
        ("mednext_l", "mednext_l3_lw_dec" if kind == "pretrain" else "mednext_l3_std_dec"),
    )
    for channels in all_channels
]


def read_table(name: str, folder: Path = FOLDER) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a table by name, without the module's prefix."""
    rows = (line.split("\t") for line in (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines()[1:])
    return {key.removeprefix(PREFIX): tuple(map(int, shape.split("x"))) for key, shape in rows}
