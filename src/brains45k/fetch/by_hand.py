"""Archives that a person put into a source's folder: those that are of the source are unpacked there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from brains45k.errors import BrainsError
from brains45k.fetch.failures import common_kind
from brains45k.fetch.journal import Journal
from brains45k.fetch.present import fits
from brains45k.fetch.space import DiskError
from brains45k.fetch.unpack import names_in, unpack
from brains45k.sources.candidate import is_hidden
from brains45k.sources.catalog import Source
from brains45k.sources.scan import folders_above
from brains45k.sources.walk import TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacker:
    """Unpacks archives that lie in a root, each once.

    Attributes
    ----------
    holds : bool
        Whether the root holds images: where they were deleted, an archive that stays is unpacked again.
    keep_archives : bool
        Whether archives stay once they are unpacked.
    foreign : list of str
        Names of archives that were left alone, because they are not of the source.
    """

    source: Source
    root: Path
    journal: Journal
    holds: bool
    keep_archives: bool
    log: TextIO
    foreign: list[str] = field(default_factory=list)

    def by_hand(self) -> int:
        """Unpack what a person put there, and return how many archives that were.

        Raises
        ------
        BrainsError
            Once all were tried: with the names of those that could not be unpacked.
        """
        patterns = self.source.document["access"].get("archives", ())
        there = {path for pattern in patterns for path in self.root.glob(pattern) if path.is_file()}
        return self._each(there, self._unpack_if_ours)

    def all(self, archives: Iterable[Path]) -> int:
        """Unpack archives that are known to be of the source; raises like :meth:`by_hand`."""
        return self._each(archives, self._unpack)

    def _each(self, archives: Iterable[Path], take: Callable[[Path], bool]) -> int:
        new = [path for path in sorted(archives) if not self._is_done(path)]
        failures: dict[str, BrainsError] = {}
        taken = 0
        for path in new:
            try:
                taken += take(path)
            except DiskError:
                raise
            except BrainsError as error:
                self.log.write(f"{error}\n")
                failures[path.name] = error
        if failures:
            msg = (
                f"{self.source.name}: {len(failures)} of {len(new)} archives could not be unpacked "
                f"({', '.join(failures)}), the first: {next(iter(failures.values()))}"
            )
            raise common_kind([*failures.values()])(msg)
        return taken

    def _is_done(self, archive: Path) -> bool:
        name = _identity(archive)
        return self.journal.keeps(name) and (self.holds or not self.journal.has_images(name))

    def _unpack_if_ours(self, archive: Path) -> bool:
        if is_of(self.source, names_in(archive), self.root):
            return self._unpack(archive)
        self.log.write(f"{archive.name}: not of this source, left as it is\n")
        self.foreign.append(archive.name)
        return False

    def _unpack(self, archive: Path) -> bool:
        unpacked = unpack(archive, self.root)
        self.log.write(f"{archive.name}: {unpacked.files:,} files in it\n")
        if self.keep_archives:
            self.journal.keep(_identity(archive), images=not _are_tables(names_in(archive)))
        else:
            archive.unlink()
        return True


def is_of(source: Source, names: Iterable[str], root: Path) -> bool:
    """Tell an archive of a source from any other that lies in its folder, by the names of its files.

    It is of the source if a layout fits one of them, or if they are all tables and the source has tables.
    """
    seen = _shown(names)
    above = folders_above(root)
    return any(fits(source, f"{above}{name}") for name in seen) or (bool(source.metadata) and _are_tables(seen))


def _are_tables(names: Iterable[str]) -> bool:
    seen = _shown(names)
    return bool(seen) and all(name.lower().endswith(TABLES) for name in seen)


def _shown(names: Iterable[str]) -> list[str]:
    """Return the names that are of no side file, without the steps that lead nowhere or out: those are judged later.

    >>> _shown(["./a.csv", "../b/c.nii", "__MACOSX/a.csv"])
    ['a.csv', 'b/c.nii']
    """
    plain = ("/".join(part for part in name.split("/") if part not in ("", ".", "..")) for name in names)
    return [name for name in plain if not is_hidden(name)]


def _identity(path: Path) -> str:
    """Name an archive so that another of the same name is told apart."""
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
