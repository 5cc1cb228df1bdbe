"""How a source is got: what the schema refuses, and that each source file says all that its kind of access asks for."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.small_corpus import document

from brains45k.errors import CallError
from brains45k.fetch.dataverse import compile_glob
from brains45k.schema import load_yaml, validate
from brains45k.sources.candidate import candidates_of
from brains45k.sources.catalog import Source, load_source
from brains45k.sources.layout import extension_of
from brains45k.sources.select import select
from brains45k.sources.walk import FoundFile

CONFIG = Path(__file__).parents[2] / "config"
NAMES = tuple(sorted(path.stem for path in (CONFIG / "sources").glob("*.yaml")))
#: Written by the workflow, and a pattern for a dataset of one's own: neither has a provider.
NO_PROVIDER = ("bids", "lesions")

OPEN: dict[str, Any] = {"kind": "open", "steps": ["Fetch it."]}
BY_HAND: dict[str, Any] = {"kind": "by_hand", "steps": ["Download it."]}
MD5, SHA1, SHA256 = "0" * 32, "1" * 40, "a" * 64
FILE: dict[str, Any] = {"url": "https://example.org/a.zip", "bytes": 3}
FILES: dict[str, Any] = {"provider": "files", "files": [FILE]}
DATAVERSE: dict[str, Any] = {"provider": "dataverse", "server": "https://example.org", "doi": "doi:10.1/A"}
XNAT: dict[str, Any] = {"provider": "xnat", "server": "https://example.org/ir", "project": "P_1", "scans": ["T1w"]}
SYNAPSE: dict[str, Any] = {"provider": "synapse", "project": "syn1", "names": ["*.zip"]}


@cache
def source_of(name: str) -> Source:
    return load_source(CONFIG / "sources" / f"{name}.yaml")


def access_of(name: str) -> dict[str, Any]:
    return dict(source_of(name).document["access"])


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def check(access: dict[str, Any]) -> None:
    validate(document(access=access), schema="source", name="FILE")


def told(access: dict[str, Any]) -> str:
    with pytest.raises(CallError) as caught:
        check(access)
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix("FILE: ")


@pytest.mark.parametrize(
    "access",
    [
        OPEN,
        BY_HAND | {"archives": ["*.zip"]},
        OPEN | {"needs": [], "download_bytes": None, "terms_url": None, "contact": None},
        OPEN | {"needs": ["a"], "download_bytes": 1, "terms_url": "https://example.org/a?b=c", "contact": "a"},
        *(OPEN | {"fetch": fetch} for fetch in (FILES, DATAVERSE, DATAVERSE | {"only": ["a/**/b"]}, XNAT, SYNAPSE)),
        {**OPEN, "kind": "account", "fetch": XNAT},
        *(
            OPEN | {"fetch": {"provider": "files", "files": [{"url": "http://127.0.0.1:80/a"} | entry]}}
            for entry in ({"md5": MD5}, {"sha1": SHA1}, {"sha256": SHA256}, {"bytes": 1, "name": "b.zip"})
        ),
    ],
)
def test_what_is_complete_passes(access: dict[str, Any]) -> None:
    check(access)


def with_file(**changes: Any) -> dict[str, Any]:
    return OPEN | {"fetch": FILES | {"files": [FILE | changes]}}


@pytest.mark.parametrize(
    ("access", "text"),
    [
        (without(OPEN, "kind"), "at access: 'kind' is a required property."),
        (without(OPEN, "steps"), "at access: 'steps' is a required property."),
        (OPEN | {"steps": []}, "at access.steps: [] should be non-empty."),
        (OPEN | {"kind": "token"}, "at access.kind: 'token' is not one of ['open', 'account', 'by_hand']."),
        (OPEN | {"files": [FILE]}, "unknown key 'files' at access; known keys: kind, "),
        (OPEN | {"fetsh": FILES}, "unknown key 'fetsh' at access; did you mean 'fetch'?"),
        (OPEN | {"needs": "a"}, "at access.needs: 'a' is not of type 'array'."),
        (OPEN | {"download_bytes": 0}, "at access.download_bytes: 0 is less than the minimum of 1."),
        (OPEN | {"download_bytes": 1.5}, "at access.download_bytes: 1.5 is not of type 'integer', 'null'."),
        (OPEN | {"terms_url": "example.org"}, "at access.terms_url: 'example.org' does not match "),
        (OPEN | {"contact": 3}, "at access.contact: 3 is not of type 'string', 'null'."),
        (BY_HAND | {"fetch": FILES}, "at access.kind: 'by_hand' is not one of ['open', 'account']."),
        (OPEN | {"archives": ["*.zip"]}, "at access.kind: 'by_hand' was expected."),
        (BY_HAND | {"archives": []}, "at access.archives: [] should be non-empty."),
        (OPEN | {"fetch": []}, "at access.fetch: [] is not of type 'object'."),
        (OPEN | {"fetch": {"files": [FILE]}}, "at access.fetch: 'provider' is a required property."),
        (OPEN | {"fetch": FILES | {"provider": "ftp"}}, "at access.fetch.provider: 'ftp' is not one of ['files', "),
        (OPEN | {"fetch": FILES | {"server": "https://a.b"}}, "unknown key 'server' at access.fetch; "),
        (OPEN | {"fetch": {"provider": "files"}}, "at access.fetch: 'files' is a required property."),
        (OPEN | {"fetch": FILES | {"files": []}}, "at access.fetch.files: [] should be non-empty."),
        (OPEN | {"fetch": FILES | {"files": [without(FILE, "bytes")]}}, "at access.fetch.files.0: 'bytes' is a requ"),
        (OPEN | {"fetch": FILES | {"files": [{"bytes": 3}]}}, "at access.fetch.files.0: 'url' is a required property."),
        (with_file(bytes=0), "at access.fetch.files.0.bytes: 0 is less than the minimum of 1."),
        (with_file(md5=MD5[1:]), "at access.fetch.files.0.md5: "),
        (with_file(sha1=MD5), "at access.fetch.files.0.sha1: "),
        (with_file(sha256=SHA256.upper()), "at access.fetch.files.0.sha256: "),
        (with_file(sha512=SHA256), "unknown key 'sha512' at access.fetch.files.0; did you mean 'sha1'?"),
        (with_file(url="ftp://example.org/a"), "at access.fetch.files.0.url: 'ftp://example.org/a' does not match "),
        (with_file(url="https://me:secret@example.org/a"), "at access.fetch.files.0.url: "),
        (with_file(name="../a.zip"), "at access.fetch.files.0.name: '../a.zip' does not match "),
        (with_file(name="a/b.zip"), "at access.fetch.files.0.name: 'a/b.zip' does not match "),
        *(
            (OPEN | {"fetch": without(fetch, key)}, f"at access.fetch: '{key}' is a required property.")
            for fetch, key in [
                (DATAVERSE, "server"), (DATAVERSE, "doi"), (XNAT, "server"), (XNAT, "project"), (XNAT, "scans"),
                (SYNAPSE, "project"), (SYNAPSE, "names"),
            ]
        ),
        (OPEN | {"fetch": DATAVERSE | {"server": "https://a.b/"}}, "at access.fetch.server: 'https://a.b/' does not"),
        (OPEN | {"fetch": DATAVERSE | {"doi": "10.1/A"}}, "at access.fetch.doi: '10.1/A' does not match "),
        (OPEN | {"fetch": DATAVERSE | {"only": []}}, "at access.fetch.only: [] should be non-empty."),
        (OPEN | {"fetch": XNAT | {"server": "https://me:x@a.b"}}, "at access.fetch.server: "),
        (OPEN | {"fetch": XNAT | {"scans": ["T1w,T2w"]}}, "at access.fetch.scans.0: 'T1w,T2w' does not match "),
        (OPEN | {"fetch": SYNAPSE | {"project": "25829067"}}, "at access.fetch.project: '25829067' does not match "),
        (OPEN | {"fetch": SYNAPSE | {"files": [FILE]}}, "unknown key 'files' at access.fetch; "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(access: dict[str, Any], text: str) -> None:
    assert told(access).startswith(text)


@pytest.mark.parametrize("metadata", [[], ["ida"], ["loni", "loni"], "loni"])
def test_only_known_kinds_of_tables_are_named(metadata: Any) -> None:
    with pytest.raises(CallError, match="FILE: at metadata"):
        validate(document(metadata=metadata), schema="source", name="FILE")


@pytest.mark.parametrize("name", NAMES)
def test_every_source_file_says_all(name: str) -> None:
    access = access_of(name)
    assert set(access) - {"fetch", "archives"} == {"kind", "needs", "download_bytes", "terms_url", "contact", "steps"}
    assert access["needs"] or name == "lesions"
    assert access["terms_url"] or name == "bids"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_PROVIDER])
def test_a_source_is_fetched_or_unpacked(name: str) -> None:
    access = access_of(name)
    assert ("fetch" in access) != ("archives" in access)
    assert ("archives" in access) == (access["kind"] == "by_hand")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_PROVIDER])
def test_the_steps_lead_to_the_command(name: str) -> None:
    access = access_of(name)
    steps = access["steps"]
    (command,) = [number for number, step in enumerate(steps) if "`snakemake --cores 2 fetch`" in step]
    if access["kind"] == "by_hand":
        assert any(f"data/sources/{name}" in step for step in steps[:command])
    else:
        assert any(f"{name} to `accept_terms`" in step for step in steps[:command])


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_asked_to_convert(name: str) -> None:
    assert [step for step in access_of(name)["steps"] if "dcm2niix" in step] == []


@pytest.mark.parametrize("name", ["adni", "ppmi"])
def test_the_clause_on_ai_tools_is_quoted_and_can_be_found(name: str) -> None:
    source = source_of(name)
    assert any("AI tools" in term and "generative and analytical models" in term for term in source.document["terms"])
    assert access_of(name)["terms_url"].endswith(f"appApply.jsp?project={name.upper()}")
    assert access_of(name)["terms_url"] in access_of(name)["steps"][0]
    assert access_of(name)["contact"]


def addresses(value: Any) -> Iterator[str]:
    """Yield every web address that is a value of its own."""
    if isinstance(value, str) and value.startswith("http"):
        yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from addresses(member)


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_complete(name: str) -> None:
    for address in addresses({key: value for key, value in access_of(name).items() if key != "steps"}):
        parts = urlsplit(address)
        assert parts.scheme in {"http", "https"}
        assert "." in parts.netloc
        assert parts.username is None


@pytest.mark.parametrize("name", ["msd", "isles22"])
def test_the_size_is_that_of_the_files(name: str) -> None:
    access = access_of(name)
    assert access["download_bytes"] == sum(file["bytes"] for file in access["fetch"]["files"])
    assert all("md5" in file or "sha256" in file for file in access["fetch"]["files"])


def test_tables_are_expected_where_a_provider_has_them() -> None:
    assert {name: source_of(name).metadata for name in NAMES if source_of(name).metadata} == {
        "adni": ("loni",), "ppmi": ("loni",), "oasis3": ("oasis",), "oasis4": ("oasis",), "brats21": ("brats_mapping",),
    }  # fmt: skip


def taken(source: Source, paths: list[str]) -> set[str]:
    """Return the paths that the one selection or the other takes, by their names."""
    files = [FoundFile(path, extension_of(path) or "", 1, 0) for path in paths]
    candidates = [candidate for file in files for candidate in candidates_of(source, file)]
    verdicts = [select(candidates, rules) for rules in source.selections.values()]
    return {
        candidate.file.path
        for candidate, *judged in zip(candidates, *verdicts, strict=True)
        if any(verdict.taken for verdict in judged)
    }


def wmh_dataset() -> list[str]:
    """Return the paths of a dataset like WMH's on DataverseNL, with two subjects a folder."""
    training = ("Utrecht", "Singapore", "Amsterdam/GE3T")
    test = (*training, "Amsterdam/GE1T5", "Amsterdam/Philips_VU .PETMR_01.")
    folders = [f"training/{site}" for site in training] + [f"test/{site}" for site in test]
    subjects = [f"{folder}/{2 * place + n}" for place, folder in enumerate(folders) for n in range(2)]
    images = [f"{stage}/{image}" for stage in ("pre", "orig") for image in ("FLAIR", "T1", "3DT1")]
    names = [f"{name}.nii.gz" for name in (*images, "orig/3DT1_mask", "orig/T1_mask", "wmh")]
    paths = [f"{subject}/{name}" for subject in subjects for name in (*names, "orig/reg_3DT1_to_FLAIR.txt")]
    observed = [f"additional_annotations/observer_o3/{subject}/result.nii.gz" for subject in subjects]
    return [*paths, *observed, "readme.pdf"]


def used_by_task(source: Source, task: dict[str, Any], path: str) -> bool:
    """Tell whether a file is an image or a label of a task's case, by its path."""
    match = source.match(path)
    if match is None:
        return False
    layout, fields = match
    if layout.role == "label":
        return layout.name in task["labels"]["layouts"]
    roles = [entry["where"] for entry in task["images"]]
    return any(all(fields[key].lower() in values for key, values in where.items()) for where in roles)


def test_all_is_fetched_of_wmh_that_the_selections_and_the_task_need_and_no_more() -> None:
    source, paths = source_of("wmh"), wmh_dataset()
    globs = [compile_glob(glob) for glob in access_of("wmh")["fetch"]["only"]]
    fetched = {path for path in paths if any(glob.fullmatch(path) for glob in globs)}
    task = load_yaml(CONFIG / "tasks/wmh.yaml", schema="task")
    needed = taken(source, paths) | {path for path in paths if used_by_task(source, task, path)}
    assert fetched == needed
    assert len(fetched) == 6 * 5 + 10 * 3
    assert all(any(glob.fullmatch(path) for path in paths) for glob in globs)


SCAN_FOLDERS = {"swi": "swi1", "minip": "swi2", "dwi": "dwi1", "bold": "func1", "asl": "func2", "fieldmap": "fmap1"}


@pytest.mark.parametrize(("name", "subject"), [("oasis3", "OAS30001"), ("oasis4", "OAS42000")])
def test_all_types_of_scan_that_a_selection_takes_are_fetched(name: str, subject: str) -> None:
    source = source_of(name)
    files = {
        f"{subject}_MR_d0001/{SCAN_FOLDERS.get(kind, 'anat1')}/sub-{subject}_sess-d0001_{kind}.nii.gz": kind
        for kind in source.images
        # A folder of one download script; the server knows no such type.
        if kind != "dti"
    }
    wanted = {files[path] for path in taken(source, list(files))}
    scans = {scan.lower() for scan in access_of(name)["fetch"]["scans"]}
    assert wanted <= scans
    assert "t1w" in wanted
    assert scans.isdisjoint({"bold", "ct", "pet"})


@pytest.mark.parametrize(
    ("file", "fetched"),
    [
        ("RSNA_ASNR_MICCAI_BraTS2021_TrainingData_16July2021.zip", True),
        ("BraTS2021_Training_Data.tar", True),
        ("BraTS21-17_Mapping.csv", True),
        ("RSNA_ASNR_MICCAI_BraTS2021_ValidationData.zip", False),
        ("BraTS2021_00495.tar", False),
    ],
)
def test_of_brats21_the_training_data_and_the_mapping_are_fetched(file: str, fetched: bool) -> None:
    assert any(fnmatchcase(file, glob) for glob in access_of("brats21")["fetch"]["names"]) is fetched
