"""The command `brains45k guide`: how to get a source, and what binds its user."""

import re
import sys
from pathlib import Path

import click

from brains45k.errors import CallError

_ADDRESS = re.compile(r"<(https?://[^>]+)>")


@click.command()
@click.argument("source", required=False)
@click.option(
    "--write", "folder", type=click.Path(path_type=Path), help="Write all guides and their list into a folder."
)
@click.option(
    "--catalog",
    type=click.Path(path_type=Path),
    default=Path("config/sources"),
    show_default=True,
    help="The folder of the source files.",
)
def guide(source: str | None, *, folder: Path | None, catalog: Path) -> None:
    """Say step by step how to get a SOURCE, and which terms bind you; without one, list them all."""
    from brains45k.report.guide import guide_index, load_sources, one_guide, write_guides  # noqa: PLC0415

    if source and folder:
        msg = "guide: --write writes the guides to all sources. Name a source or a folder, not both."
        raise CallError(msg)
    if folder:
        for path in write_guides(catalog, folder):
            click.echo(str(path))
    else:
        _show(one_guide(source, catalog) if source else guide_index(load_sources(catalog)))


def _show(text: str) -> None:
    """Show a page: laid out for a person at a terminal, as it is for a file or another program."""
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markdown import Markdown  # noqa: PLC0415

    # As links, long addresses stay whole however narrow the terminal is; and what is shown is the address itself.
    Console().print(Markdown(_ADDRESS.sub(r"[\1](\1)", text), hyperlinks=True))
