"""Build BRAINS-45K, the pretraining corpus of AMAES, and read it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brains45k.corpus.reader import open_corpus

__version__ = "0.1.0"
__all__ = ["__version__", "open_corpus"]


def __getattr__(name: str) -> object:
    """Import the reader when it is asked for: most parts of the package do not need it."""
    if name == "open_corpus":
        from brains45k.corpus.reader import open_corpus  # noqa: PLC0415

        return open_corpus
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
