"""What is wrong with a file, and how many warnings of one kind become one line."""

from dataclasses import dataclass


class UnreadableError(Exception):
    """A file, or the rest of it, cannot be read.

    Parameters
    ----------
    sentence : str
        What is wrong, the same for all files with this fault.
    detail : str
        What this file has of its own, e.g. the line.
    """

    def __init__(self, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail


@dataclass(slots=True)
class _Complaint:
    file: str
    detail: str
    count: int = 0


class Complaints:
    """Warnings, one line for each kind: its first example and how many more there are."""

    def __init__(self) -> None:
        self._by_kind: dict[tuple[str, str], _Complaint] = {}

    def add(self, sentence: str, file: str, detail: str = "", *, alone: bool = False) -> None:
        """Note one case of what ``sentence`` says, found in ``file``; with ``alone``, for a line of the file's own."""
        kind = (sentence, file if alone else "")
        self._by_kind.setdefault(kind, _Complaint(file, detail)).count += 1

    def lines(self) -> tuple[str, ...]:
        """Return one line per kind, each beginning with a file."""
        return tuple(_line(sentence, complaint) for (sentence, _), complaint in self._by_kind.items())


def _line(sentence: str, complaint: _Complaint) -> str:
    detail = f" ({_shown(complaint.detail)})" if complaint.detail else ""
    more = f", and {complaint.count - 1:,} more like it" if complaint.count > 1 else ""
    return f"{_shown(complaint.file)}: {sentence}{detail}{more}."


def _shown(text: str) -> str:
    """Return text on one line, valid as UTF-8: a file's name may be neither."""
    valid = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in valid)
