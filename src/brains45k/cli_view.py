"""The command `brains45k view`: look at the corpus's volumes in a browser."""

from pathlib import Path

import click

from brains45k.errors import CallError


@click.command()
@click.argument("volume_id", required=False)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    default=Path("manifests/corpus.parquet"),
    show_default=True,
    help="The corpus's manifest.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def view(volume_id: str | None, manifest: Path, *, port: int, no_browser: bool) -> None:
    """Look at the volumes in three planes and 3-D, at VOLUME_ID first. Ends with Ctrl-C.

    The server answers on this machine alone. To look from another one, run this with --no-browser and a --port, open
    a tunnel there with ssh -L PORT:127.0.0.1:PORT THIS_MACHINE, and open the printed address.
    """
    from brains45k.view.browser import open_browser  # noqa: PLC0415
    from brains45k.view.server import open_server  # noqa: PLC0415

    with open_server(manifest, port=port) as server:
        if volume_id and volume_id not in server.viewer.catalogue:
            msg = f"{volume_id}: {manifest} has no volume of this name. Run 'brains45k view' and search for it."
            raise CallError(msg)
        address = server.address(volume_id or "")
        click.echo(address)
        click.echo("Ctrl-C ends the viewer; the address works for you alone, so do not pass it on.", err=True)
        if not no_browser:
            open_browser(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("", err=True)
