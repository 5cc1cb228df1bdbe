"""How a volume is turned down, and what is remarked about one that is kept."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from brains45k.codes import Code


class RefusalError(Exception):
    """A volume cannot be taken; the code says why, the detail gives the numbers."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code.sentence} {detail}".strip())
        self.code = code
        self.detail = detail
        #: Digest of the file, where its bytes could be read.
        self.sha256: str | None = None


def unforeseen(error: Exception) -> RefusalError:
    """Turn an error that nobody foresaw into a refusal, with its place: one file must not cost the others."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    code = Code.E_OOM if isinstance(error, MemoryError) else Code.E_BUG
    return RefusalError(code, f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")


@dataclass(frozen=True, slots=True)
class Remark:
    """A repair or a flag, with its detail."""

    code: Code
    detail: str = ""
