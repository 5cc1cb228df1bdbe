"""What is answered, over real HTTP: voxels, lists, rows, and no file of the machine."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlencode

import nibabel
import numpy as np
import pytest
from support.small_corpus import SmallCorpus
from support.synthetic_manifest import AWKWARD
from view.asking import ask, serving

from brains45k.corpus.manifest import read_table
from brains45k.corpus.reader import open_corpus
from brains45k.view.server import ViewServer

PARALLEL = 32

HOSTILE_NAMES = [
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/corpus.parquet",
    "%252e%252e%252fcorpus.parquet",
    "..\\..\\corpus.parquet",
    "/etc/passwd",
    "//etc/passwd",
    "%00",
    "a%00.nii",
    "%ff%fe",
    "%",
    "~root",
    "x" * 30_000,
    "../manifests/corpus.parquet",
    "view.html",
    "VENDORED.md",
    "__class__",
    "<script>",
    ".nii",
    ";ls",
    "{0}",
]


def test_voxels_are_those_of_the_corpus(server: ViewServer, corpus: SmallCorpus) -> None:
    opened = open_corpus(corpus.manifest)
    assert len(opened) > 0
    for volume_id in opened.manifest["volume_id"]:
        reply = ask(server, f"volume/{volume_id}.nii")
        image, volume = nibabel.Nifti1Image.from_bytes(reply.body), opened.volume(volume_id)
        assert (reply.status, image.get_data_dtype()) == (200, np.uint16)
        # Both are float32 products of the same level and 1/4,095.
        np.testing.assert_allclose(image.get_fdata(dtype=np.float32), volume.data, rtol=2e-7, atol=0)
        np.testing.assert_allclose(image.affine, volume.affine, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["volume", "rows", "assets", "corpus", "nothing", ".."])
@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: name[:20])
def test_a_hostile_name_is_not_found(server: ViewServer, kind: str, name: str) -> None:
    for end in ("", ".nii"):
        reply = ask(server, f"{kind}/{name}{end}".replace(" ", "%20"))
        assert (reply.status, reply.text) == (404, "There is nothing of this name.")


def test_no_name_opens_a_file(server: ViewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        pytest.fail("a file was opened")

    for module in ("builtins.open", "io.open", "os.open", "pathlib.Path.open"):
        monkeypatch.setattr(module, refuse)
    for kind in ("volume", "rows", "assets"):
        for name in HOSTILE_NAMES:
            assert ask(server, f"{kind}/{name}").status == 404
    assert ask(server, "").status == 200


def test_a_volume_that_is_not_stored_says_why(server: ViewServer, corpus: SmallCorpus) -> None:
    absent = [row for row in corpus.rows().values() if row["status"] != "kept"]
    for row in absent:
        reply = ask(server, f"volume/{row['volume_id']}.nii")
        assert reply.status == 404
        assert f"The volume is not stored: {row['reason']}: " in reply.text


def test_a_damaged_shard_is_a_refusal_and_the_server_goes_on(copied: SmallCorpus) -> None:
    rows = copied.rows()
    gone = rows["sub-01/sub-01_T1w.nii.gz"]
    here = next(row for row in rows.values() if row["status"] == "kept" and row["shard"] != gone["shard"])
    shutil.rmtree(copied.shard(gone))
    with serving(copied.manifest) as running:
        reply = ask(running, f"volume/{gone['volume_id']}.nii")
        assert reply.status == 500
        expected = f"{gone['shard']}/{gone['array']}: a file of the shard is missing. Build the corpus again."
        assert reply.text == expected
        assert ask(running, f"volume/{here['volume_id']}.nii").status == 200
        assert ask(running, f"rows/{gone['volume_id']}").document["status"] == "kept"


def test_a_list_is_searched_by_the_server(awkward_server: ViewServer, awkward: Path) -> None:
    rows = read_table(awkward).to_pylist()
    for words in AWKWARD:
        document = ask(awkward_server, f"rows?{urlencode({'words': words, 'status': 'kept'})}").document
        expected = [
            row["volume_id"]
            for row in rows
            if row["status"] == "kept"
            and all(
                any(word.casefold() in str(row[name]).casefold() for name in ("series", "source_path", "description"))
                for word in words.split()
            )
        ]
        assert expected
        assert [row["volume_id"] for row in document["rows"]] == expected[:100]
        assert document["total"] == len(expected)


def test_a_list_turns_to_a_volume(awkward_server: ViewServer, awkward: Path) -> None:
    volume_id = read_table(awkward)["volume_id"][321].as_py()
    document = ask(awkward_server, f"rows?{urlencode({'volume': volume_id})}").document
    assert (document["place"], document["offset"], document["rows"][21]["volume_id"]) == (321, 300, volume_id)


@pytest.mark.parametrize(
    "query",
    ["offset=-1", "offset=x", "offset=1e3", "offset=%C2%B2", "offset=" + "9" * 30, "&".join("a=1" for _ in range(30))],
)
def test_a_query_that_makes_no_sense(server: ViewServer, query: str) -> None:
    reply = ask(server, f"rows?{query}")
    assert (reply.status, reply.text[:25]) == (400, "The query cannot be read:")


def test_a_row_in_words(awkward_server: ViewServer, awkward: Path) -> None:
    row = next(row for row in read_table(awkward).to_pylist() if row["series"] == AWKWARD[0])
    document = ask(awkward_server, f"rows/{quote(row['volume_id'], safe='')}").document
    lines = [tuple(line) for group in document["groups"] for line in group["lines"]]
    assert ("Series", AWKWARD[0]) in lines


def test_what_there_is(server: ViewServer, corpus: SmallCorpus) -> None:
    document = ask(server, "corpus").document
    assert sum(document["counts"].values()) == len(corpus.rows())
    assert (document["name"], document["sources"]) == (str(corpus.manifest), ["frames", "tiny"])


def test_many_at_once(server: ViewServer, corpus: SmallCorpus) -> None:
    opened = open_corpus(corpus.manifest)
    names = opened.manifest["volume_id"].tolist()

    def read(number: int) -> bool:
        volume_id = names[number % len(names)]
        body = ask(server, f"volume/{volume_id}.nii").body
        found = nibabel.Nifti1Image.from_bytes(body).get_fdata(dtype=np.float32)
        return bool(np.allclose(found, opened.volume(volume_id).data, rtol=2e-7, atol=0))

    with ThreadPoolExecutor(PARALLEL) as pool:
        assert all(pool.map(read, range(3 * PARALLEL)))
