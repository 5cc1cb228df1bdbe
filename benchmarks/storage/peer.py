"""The peers' side of the storage benchmark. Runs in the peers' environment, called by bench.py."""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numcodecs.blosc
from common import serve, versions_of
from measure import handlers_of
from peer_formats import Blosc2, Mds, Npy, WebDataset
from zarr_formats import Choice, Tensorstore, ZarrPython

_PACKAGES = (
    "zarr", "zarrs", "tensorstore", "blosc2", "mosaicml-streaming", "webdataset", "numcodecs", "google-crc32c", "numpy",
)  # fmt: skip
_FORMATS = {
    "npy": Npy(),
    "blosc2 float32": Blosc2("float32"),
    "blosc2 float16": Blosc2("float16"),
    "mds": Mds(),
    "webdataset": WebDataset(),
    "chosen": Choice(),
    "16 bits": Choice(levels=65535),
    "float16": Choice(levels=0),
    "64": Choice(chunk=(64, 64, 64)),
    "32": Choice(chunk=(32, 32, 32)),
    "bitshuffle": Choice(shuffle="bitshuffle"),
    "zstd": Choice(codec="zstd", level=1),
    "uncompressed": Choice(codec=None),
}
_READERS = {
    "zarr-python": ZarrPython,
    "zarrs": partial(ZarrPython, pipeline="zarrs.ZarrsCodecPipeline"),
    "tensorstore": Tensorstore,
}


def main() -> None:
    """Answer until the standard input is closed."""
    numcodecs.blosc.use_threads = False
    serve({**handlers_of(_FORMATS, _READERS), "versions": lambda: versions_of(*_PACKAGES)})


if __name__ == "__main__":
    main()
