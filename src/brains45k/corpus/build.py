"""What makes a build: the parameters and the code that every stored byte depends on."""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from brains45k.volume.preprocess import Preprocessing

# The code that decides what a stored voxel or a reading row is. Anything else may change without a rebuild.
_CODE = (
    "brains45k.codes",
    "brains45k.corpus.chunks",
    "brains45k.corpus.content",
    "brains45k.corpus.manifest",
    "brains45k.corpus.record",
    "brains45k.corpus.shard",
    "brains45k.corpus.store",
    "brains45k.dicom",
    "brains45k.sources.facts",
    "brains45k.sources.persons",
    "brains45k.volume",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Parameters and code version of a build."""

    preprocessing: Preprocessing
    code: str

    @property
    def build_id(self) -> str:
        """Short digest; shards and manifest of one build bear the same."""
        return hashlib.sha256(self.describe().encode()).hexdigest()[:12]

    def describe(self) -> str:
        """Return the recipe as JSON."""
        return json.dumps({"preprocessing": asdict(self.preprocessing), "code": self.code}, sort_keys=True)


def make_recipe(preprocessing: Mapping[str, Any]) -> Recipe:
    """Bind the config's ``preprocess`` section to the code that runs now."""
    # 1 and 1.0 are one spacing, and YAML gives either.
    numbers = {name: float(preprocessing[name]) for name in ("spacing_mm", "clip_percentile")}
    return Recipe(Preprocessing(**{**preprocessing, **numbers}), code_fingerprint())


def code_fingerprint() -> str:
    """Digest the modules that decide stored bytes."""
    return module_fingerprint(*_CODE)


@lru_cache
def module_fingerprint(*names: str) -> str:
    """Digest the text of modules or whole packages: Snakemake does not see edits of the library by itself."""
    digest = hashlib.sha256()
    for name in names:
        for path in _files(name):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files(module: str) -> list[Path]:
    """Return the files of a module or package without importing it: a job of the corpus must load no torch."""
    spec = importlib.util.find_spec(module)
    location = Path(spec.origin or "") if spec else Path()
    return sorted(location.parent.glob("*.py")) if location.name == "__init__.py" else [location]
