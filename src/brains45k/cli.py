"""The command line: what a person runs outside the workflow.

Exit codes: 0 well, 1 the data is at fault, 2 the call is at fault.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from brains45k import __version__
from brains45k.cli_guide import guide
from brains45k.cli_view import view
from brains45k.codes import Code
from brains45k.errors import BrainsError, CallError
from brains45k.report.inline_picture import WAYS, show_inline
from brains45k.volume.content import Named
from brains45k.volume.intensity import FOREGROUNDS
from brains45k.volume.preprocess import PRESETS, Preprocessing
from brains45k.volume.preprocess import preprocess as preprocess_image
from brains45k.volume.read import image_of, open_volume
from brains45k.volume.refusal import RefusalError
from brains45k.volume.save import require_target, save_volume

_MANIFEST = click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    default=Path("manifests/corpus.parquet"),
    show_default=True,
    help="The corpus's manifest.",
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Build BRAINS-45K with 'snakemake --cores all corpus'; look at it, and at single volumes, with this."""


cli.add_command(guide)
cli.add_command(view)


@cli.command()
@click.argument("source_file", metavar="IN", type=_FILE)
@click.argument("target_file", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default="paper", show_default=True, help="Order of the steps."
)
@click.option("--spacing-mm", type=click.FloatRange(0.2, 10), default=1.0, show_default=True)
@click.option("--clip-percentile", type=click.FloatRange(50, 100), default=99.0, show_default=True)
@click.option("--foreground", type=click.Choice(FOREGROUNDS), default="nonzero", show_default=True)
@click.option("--frame", type=click.IntRange(0), help="Which frame of a 4-D file, from 0.")
@click.option(
    "--kind",
    type=click.Choice([named.value for named in Named]),
    default="unknown",
    show_default=True,
    help="What you know it is: voxels between 0 and 1 are refused as a probability map where it is unknown.",
)
def preprocess(*, source_file: Path, target_file: Path, frame: int | None, kind: str, **parameters: Any) -> None:
    """Preprocess one volume as in the corpus. OUT ends in .nii.gz or .npy."""
    require_target(target_file, source_file)
    settings = Preprocessing(**parameters)
    try:
        image = image_of(open_volume(source_file), frame=frame, named=Named(kind))
        volume = preprocess_image(image, settings)
    except RefusalError as refusal:
        click.echo(f"{source_file}: {refusal.code.value}: {refusal}", err=True)
        sys.exit(1)
    for remark in image.remarks:
        click.echo(f"{source_file}: {remark.code.value}: {remark.code.sentence} {remark.detail}".rstrip(), err=True)
    save_volume(volume, target_file)


@cli.command()
@click.argument("source", required=False)
@_MANIFEST
@click.option("--json", "as_json", is_flag=True, help="For machines, on standard output.")
def inspect(source: str | None, manifest: Path, *, as_json: bool) -> None:
    """Show what the corpus holds: of all sources, or of one."""
    from rich.console import Console  # noqa: PLC0415

    from brains45k.report.terminal import inspect_numbers, inspect_tables  # noqa: PLC0415

    if as_json:
        click.echo(json.dumps(inspect_numbers(manifest, source), indent=2))
        return
    out = Console() if sys.stdout.isatty() else Console(width=160)
    for table in inspect_tables(manifest, source):
        out.print(table)


@cli.command()
@click.argument("volume_id")
@_MANIFEST
@click.option("--out", type=click.Path(path_type=Path), help="The PNG to write.  [default: VOLUME_ID.png]")
@click.option(
    "--inline", type=click.Choice(WAYS), default="auto", show_default=True, help="How to draw it in the terminal."
)
def show(volume_id: str, manifest: Path, out: Path | None, inline: str) -> None:
    """Draw a volume of the corpus: its three middle planes, as a PNG and in terminals that can."""
    from PIL import Image  # noqa: PLC0415

    from brains45k.corpus.reader import open_corpus  # noqa: PLC0415
    from brains45k.report.picture import draw_volume, require_picture  # noqa: PLC0415

    path = out or Path(f"{volume_id}.png")
    require_picture(path)
    try:
        volume = open_corpus(manifest).volume(volume_id)
    except KeyError as error:
        raise CallError(str(error.args[0])) from error
    draw_volume(volume, path, title=f"{volume_id}  {' x '.join(map(str, volume.shape))}")
    with Image.open(path) as picture:
        show_inline(picture, sys.stdout, how=inline, columns=shutil.get_terminal_size().columns)
    click.echo(str(path))


@cli.command()
@click.argument("path")
@_MANIFEST
def explain(path: str, manifest: Path) -> None:
    """Say why a file is in the corpus or out of it. PATH may be a part of a path, or a VOLUME_ID."""
    from brains45k.report.explain import explain_path  # noqa: PLC0415

    for line in explain_path(path, manifest):
        click.echo(line)


@cli.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=_FILE)
@click.option("--checkpoint", required=True, type=_FILE, help="The model.safetensors of a finetuning run.")
@click.option("--out", "target", required=True, type=click.Path(path_type=Path), help="The .nii.gz to write.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--overlap", type=click.FloatRange(0, 0.9), default=0.5, show_default=True, help="Of the windows.")
@click.option("--mirror", is_flag=True, help="Average over the eight mirror images: eight times the time.")
def segment(images: tuple[Path, ...], target: Path, **options: Any) -> None:
    """Segment a subject's IMAGEs, in the order of the task, on the grid of the first."""
    with _needs_torch():
        from brains45k.segmentation.segment import segment as segment_images  # noqa: PLC0415

    done = segment_images(images, target, **options)
    for remark in done.remarks:
        click.echo(remark, err=True)
    volumes = ", ".join(f"{name} {volume_ml:.2f} ml" for name, volume_ml in done.volumes_ml.items())
    click.echo(f"{done.path}: {volumes}")


@cli.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def weights(file: Path | None) -> None:
    """Say where the released AMAES weights are; of a FILE of weights, say which network it fits."""
    with _needs_torch():
        from brains45k.networks.published import describe, explain_released, inspect_weights  # noqa: PLC0415

    for line in explain_released() if file is None else describe(inspect_weights(file)):
        click.echo(line)


@cli.command()
def codes() -> None:
    """List all codes with their sentences."""
    for code in Code:
        click.echo(f"{code.value:<18} {code.sentence}")


@contextmanager
def _needs_torch() -> Iterator[None]:
    """Say in one line how to get what the corpus does without."""
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f"{error.name} is not installed. Install it with pip install 'brains45k[train]'."
        raise CallError(msg) from error


def main() -> None:
    """Run the command line; an error on purpose is one line and an exit code."""
    try:
        cli.main(prog_name="brains45k", standalone_mode=True)
    except BrainsError as error:
        click.echo(f"brains45k: {error}", err=True)
        sys.exit(error.exit_code)
