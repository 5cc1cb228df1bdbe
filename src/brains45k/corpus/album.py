"""The pictures of one shard's volumes, written while the volumes are in memory."""

import shutil
from pathlib import Path

from brains45k.corpus.thumbnail import Planes, encode, planes_of
from brains45k.volume.volume import Volume


class Album:
    """A folder of pictures, made beside its place and moved there at the end.

    A volume is looked at before and after its preprocessing; one that is refused in between has the first look alone.

    Parameters
    ----------
    folder : Path
        Where the pictures go; what an earlier build left there goes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder.with_name(f".{folder.name}.partial")
        self._waiting: tuple[str, Planes] | None = None
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)

    def take(self, name: str, volume: Volume) -> None:
        """Look at a volume in RAS as it was read; whatever is made of it later, it has a picture."""
        self._write_waiting()
        planes = _look(volume)
        self._waiting = (name, planes) if planes else None

    def take_stored(self, name: str, volume: Volume) -> None:
        """Look at the same volume as it is stored."""
        waiting, self._waiting = self._waiting, None
        if waiting and waiting[0] == name:
            self._write(name, encode(waiting[1], _look(volume)))

    def close(self) -> None:
        """Move the pictures into their place."""
        self._write_waiting()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._partial.rename(self._folder)

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting:
            self._write(waiting[0], encode(waiting[1]))

    def _write(self, name: str, picture: bytes) -> None:
        (self._partial / f"{name}.jpg").write_bytes(picture)


def _look(volume: Volume) -> Planes | None:
    try:
        return planes_of(volume)
    except Exception:
        # No picture is worth a volume: it stays in the corpus without one, and the page says so.
        return None
