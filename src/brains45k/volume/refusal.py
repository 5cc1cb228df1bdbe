"""How a volume is turned down, and what is remarked about one that is kept."""

from dataclasses import dataclass

from brains45k.codes import Code


class RefusalError(Exception):
    """A volume cannot be taken; the code says why, the detail gives the numbers."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code.sentence} {detail}".strip())
        self.code = code
        self.detail = detail
        #: Digest of the file, where its bytes could be read.
        self.sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A repair or a flag, with its detail."""

    code: Code
    detail: str = ""
