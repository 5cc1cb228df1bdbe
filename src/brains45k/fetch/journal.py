"""What has been fetched into a source's folder: a line for each file that is done, so that nothing is fetched twice."""

import json
import threading
from pathlib import Path
from typing import Any

#: Below the source's root; the scan passes hidden files over.
JOURNAL = ".brains45k-fetch.jsonl"


class Journal:
    """The record of one root, added to line by line: a run that is killed loses none of what it finished.

    Parameters
    ----------
    root : Path
        The source's folder.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / JOURNAL
        self._lock = threading.Lock()
        self._lines = list(_read(self._path))

    @property
    def begun(self) -> bool:
        """Whether files were fetched into this folder, all of them or not."""
        return any("begun" in line for line in self._lines)

    @property
    def complete(self) -> bool:
        """Whether the last run fetched all that there is."""
        return bool(self._lines) and bool(self._lines[-1].get("complete"))

    def has(self, path: str) -> bool:
        """Tell whether a file is done: in its place, or unpacked."""
        return any(line.get("path") == path for line in self._lines)

    def begin(self) -> None:
        """Note that files of this root are fetched."""
        self._add({"begun": True})

    def done(self, path: str, size_bytes: int) -> None:
        """Note that a file is done."""
        self._add({"path": path, "bytes": size_bytes})

    def end(self) -> None:
        """Note that all files are done."""
        self._add({"complete": True})

    def _add(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(json.dumps(line) + "\n")
            self._lines.append(line)


def _read(path: Path) -> list[dict[str, Any]]:
    """Read a journal's lines; one that a killed run left unfinished counts for nothing."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines
