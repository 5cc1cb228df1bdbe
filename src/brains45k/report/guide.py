"""Write the guide to a source: how to get it, what binds its user, and what becomes of it; all from its source file."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brains45k.errors import CallError
from brains45k.hints import hint
from brains45k.report.guide_tree import draw_tree
from brains45k.sources.catalog import Layout, Source, load_source
from brains45k.whole import write_whole

#: Where the source files lie in the repository.
CATALOG = Path("config/sources")
#: The command that writes all guides where the repository keeps them.
COMMAND = "brains45k guide --write docs/sources"

_LINE_BITS_PER_S = 100_000_000
_CODE_OR_ADDRESS = re.compile(r"(`[^`]+`|https?://[^\s]*[\w/])")
# An underscore within a word is none of Markdown's.
_MARKUP = re.compile(r"[\\*<>\[\]|~]|(?<!\w)_|_(?!\w)")

_KINDS = {
    "open": "No account is needed.",
    "account": "It is downloaded with an account of your own.",
    "by_hand": "It is downloaded by a person.",
}
_ROLES = {
    "image": "image: the selections choose among these.",
    "label": "label: a label or a mask, listed in the manifest and no part of the corpus; a task may read it.",
    "other": "other: listed in the manifest and left alone.",
}
_TABLES = {
    "loni": "LONI's tables (the collection's CSV, the search's CSV, the XML files)",
    "oasis": "the tables of OASIS",
    "brats_mapping": "the table that maps the cases to earlier BraTS challenges",
}


def guide_text(source: Source) -> str:
    """Return the guide to a source, in Markdown: one line per paragraph, so that no address is broken."""
    document = source.document
    lines = [
        *_head(f"`{CATALOG}/{source.name}.yaml`", f"{source.name}: {document['title']}"),
        f"Described at {_text(document['homepage'])}",
        *_need(document["access"]),
        *_terms(source),
        *_steps(source),
        *_folder(source),
        *_use(source),
        *_listed("Known faults and facts", document.get("facts", ())),
        *_listed("Cite", document["citation"]),
    ]
    return _joined(lines)


def guide_index(sources: Iterable[Source]) -> str:
    """Return the page that lists all guides."""
    rows = [
        (
            f"[{source.name}]({source.name}.md)",
            _text(source.document["title"]),
            source.document["access"]["kind"].replace("_", " "),
            _size(source.document["access"].get("download_bytes")),
            _part_of_fetch(source.document["access"]),
            _text(source.document["licence"]),
        )
        for source in sources
    ]
    lines = [
        *_head(f"`{CATALOG}`", "The sources"),
        "A page for each source: what you need, which terms bind you, each step, what its folder then looks like, and "
        "what becomes of it. `brains45k guide NAME` shows the same in the terminal.",
        *_table(("source", "dataset", "access", "download", "`snakemake fetch`", "licence"), rows),
        "`snakemake --cores 2 fetch` fetches every enabled source whose terms you accept and whose provider lets it, "
        "unpacks what you put into the folders of the others, and ends with a table of what is left to you.",
        "A corpus that is built from several sources is bound by the terms of all of them.",
    ]
    return _joined(lines)


def _part_of_fetch(access: Mapping[str, Any]) -> str:
    if "fetch" in access:
        return "downloads it"
    return "unpacks it" if "archives" in access else "has no part"


def load_sources(catalog: Path) -> list[Source]:
    """Read all source files of a folder, by name.

    Raises
    ------
    CallError
        If there are none, or one is not valid.
    """
    paths = sorted(catalog.glob("*.yaml"))
    if not paths:
        msg = f"{catalog}: holds no source files. Call it in the repository's folder, or name theirs by --catalog."
        raise CallError(msg)
    return [load_source(path) for path in paths]


def one_guide(name: str, catalog: Path) -> str:
    """Return the guide to the source of that name.

    Raises
    ------
    CallError
        If there is no such source, or its file is not valid.
    """
    sources = {source.name: source for source in load_sources(catalog)}
    if name not in sources:
        msg = f"guide: there is no source {name!r}; {hint(name, sources)}"
        raise CallError(msg)
    return guide_text(sources[name])


def write_guides(catalog: Path, folder: Path) -> list[Path]:
    """Write the guides to all sources, and README.md that lists them; return the files.

    Raises
    ------
    CallError
        If a source file is not valid, or the disk does not take a page.
    """
    sources = load_sources(catalog)
    pages = {f"{source.name}.md": guide_text(source) for source in sources} | {"README.md": guide_index(sources)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder}: cannot be made ({error.strerror}). Name another folder."
        raise CallError(msg) from error
    for name, text in pages.items():
        write_whole(folder / name, text.encode())
    return [folder / name for name in pages]


def _head(made_from: str, title: str) -> list[str]:
    return [f"*Generated from {made_from} by `{COMMAND}`. Edit that, not this page.*", f"# {_text(title)}"]


def _need(access: Mapping[str, Any]) -> Iterator[str]:
    yield "## What you need"
    yield _bullets([_KINDS[access["kind"]], *access.get("needs", ())])
    if access["kind"] == "open" and "fetch" not in access:
        yield "Nothing is downloaded."
        return
    size_bytes = access.get("download_bytes")
    rows = [
        ("download", f"{_size(size_bytes)} ({size_bytes:,} bytes)" if size_bytes else "size not known"),
        *([("unpacked", "size not known")] if _is_packed(access) else []),
        ("time", _time(size_bytes)),
    ]
    yield from _table(("what", "how large, how long"), rows)


def _is_packed(access: Mapping[str, Any]) -> bool:
    """Tell whether archives are unpacked: of a provider of single files they are not."""
    provider = access.get("fetch", {}).get("provider")
    return "archives" in access or provider in {"files", "synapse", "xnat"}


def _time(size_bytes: int | None) -> str:
    """Say how long a download takes on a line of 100 Mbit/s: nobody measured it."""
    if size_bytes is None:
        return "not known; 100 GB take 2.2 hours at 100 Mbit/s (arithmetic, not measured)"
    seconds = size_bytes * 8 / _LINE_BITS_PER_S
    sum_ = f"{size_bytes:,} bytes x 8 / {_LINE_BITS_PER_S:,} bit/s = {seconds:,.0f} s"
    return f"about {max(1, round(seconds / 60)):,} min at 100 Mbit/s ({sum_}; arithmetic, not measured)"


def _terms(source: Source) -> Iterator[str]:
    document, access = source.document, source.document["access"]
    yield "## Which terms bind you"
    yield f"Licence or agreement: **{_text(document['licence'])}**. What is known of it:"
    yield _bullets(document["terms"])
    where = access.get("terms_url") or "no page is known; see the dataset's own files."
    whom = access.get("contact") or f"no address is confirmed; try {document['homepage']}"
    yield f"**Where to read them:** {_text(where)}"
    yield f"**Whom to ask:** {_text(whom)}"
    if "fetch" in access:
        yield (
            f"`snakemake fetch` downloads nothing of this source before `accept_terms` in `config/config.yaml` names "
            f"`{source.name}`."
        )


def _steps(source: Source) -> Iterator[str]:
    access = source.document["access"]
    yield "## Step by step"
    yield "\n".join(f"{number}. {_text(step)}" for number, step in enumerate(access["steps"], start=1))
    if "fetch" in access:
        yield from _fetched(access["fetch"])
    if _is_packed(access):
        yield (
            "An archive is unpacked once, whole or not at all, and then removed; `keep_archives: true` in "
            "`config/config.yaml` keeps it."
        )
    if "fetch" in access:
        yield "Run `snakemake --cores 2 fetch` again after a cut: what is in its place stays there."


def _fetched(fetch: Mapping[str, Any]) -> Iterator[str]:
    """Say what the target fetch asks which provider for."""
    match fetch["provider"]:
        case "files":
            yield "What is fetched:"
            yield from _table(("file", "bytes", "checksums"), [_file_row(file) for file in fetch["files"]])
        case "dataverse":
            yield f"Fetched from {_text(fetch['server'])}, dataset `{fetch['doi']}`{_patterns(fetch.get('only', ()))}"
        case "xnat":
            scans = ", ".join(f"`{scan}`" for scan in fetch["scans"])
            yield f"Fetched from {_text(fetch['server'])}, project `{fetch['project']}`, MR sessions: scans {scans}."
        case "synapse":
            yield f"Fetched from Synapse, project `{fetch['project']}`{_patterns(fetch['names'])}"


def _patterns(patterns: Sequence[str]) -> str:
    return f": {', '.join(f'`{pattern}`' for pattern in patterns)}." if patterns else ", all of it."


def _file_row(file: Mapping[str, Any]) -> tuple[str, str, str]:
    sums = [f"{kind} `{file[kind]}`" for kind in ("md5", "sha1", "sha256") if kind in file]
    return _text(file["url"]), f"{file['bytes']:,}" if "bytes" in file else "not known", ", ".join(sums) or "none"


def _folder(source: Source) -> Iterator[str]:
    notes = {example: f"{layout.name}: {layout.role}" for layout in source.layouts for example in layout.examples}
    yield "## What the folder then looks like"
    yield (
        "The paths that each layout is held to. A download has some of them: providers and tools lay the same files "
        "out in several ways. Only the end of a path counts; other folders may lie above, and upper and lower case are "
        f"alike. ROOT is the source's folder: `root` in the config, `data/sources/{source.name}` if you change nothing."
    )
    yield "\n".join(["```text", *draw_tree("ROOT", notes), "```"])
    rows = [
        (f"`{layout.name}`", layout.role, ", ".join(_takers(source, layout)) or "none") for layout in source.layouts
    ]
    yield from _table(("layout", "role", "selections that may take it"), rows)
    yield _bullets([text for role, text in _ROLES.items() if role in {layout.role for layout in source.layouts}])


def _takers(source: Source, layout: Layout) -> Iterator[str]:
    """Yield the selections that leave a layout's images a chance."""
    for name, rules in source.selections.items():
        allowed = rules.layouts is None or layout.name in rules.layouts
        fits = all(value.lower() in rules.where.get(field, {value.lower()}) for field, value in layout.implied.items())
        if layout.role == "image" and allowed and fits:
            yield name


def _use(source: Source) -> Iterator[str]:
    document = source.document
    expected = document["expected"]
    yield "## What brains45k does with it"
    rows = [(f"`selection: {name}`", _text(rules.summary)) for name, rules in source.selections.items()]
    yield from _table(("in the config", "what is taken"), rows)
    counts = [f"{expected[key]:,} {key}" for key in ("volumes", "subjects") if expected[key]]
    yield (
        f"Expected of the reference selection: {' of '.join(counts) or 'not known'}. Basis: {_text(expected['basis'])}."
    )
    yield _bullets([*_handling(source)])


def _handling(source: Source) -> Iterator[str]:
    """Say what is done with files that are no plain image, and where the result lies."""
    if source.channels:
        names = ", ".join(channel.name for channel in source.channels)
        yield f"A 4-D file holds one contrast per frame; each becomes a volume of its own: {names}."
    if any(example.lower().endswith(".dcm") for layout in source.layouts for example in layout.examples):
        yield (
            "A DICOM series is converted by dcm2niix inside the pipeline; where that fails, the manifest has the "
            "reason. Convert nothing by hand. Where a selection asks for .nii, a series stands for one; where an image "
            "lies in its folder, it is left out (S_DICOM)."
        )
    if source.metadata:
        tables = " and ".join(_TABLES[kind] for kind in source.metadata)
        yield (
            f"Where {tables} lie below the root, what they say of the images goes into the manifest. None is needed, "
            "and a malformed one costs a warning."
        )
    shards = "one shard" if source.buckets == 1 else f"{source.buckets:,} shards, by subject"
    yield (
        f"The volumes go into {shards}, below `data/corpus/{source.name}`; `manifests/{source.name}.parquet` has a row "
        "for every file, taken or not, with the reason."
    )


def _listed(title: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield f"## {title}"
        yield _bullets(sentences)


def _text(sentence: str) -> str:
    r"""Return a sentence as Markdown: addresses as links, code as it is, and no other markup.

    Examples
    --------
    >>> print(_text("S<series> of `a_*` at https://example.org/a_b."))
    S\<series\> of `a_*` at <https://example.org/a_b>.
    """
    parts = _CODE_OR_ADDRESS.split(" ".join(sentence.split()))
    return "".join(_part(part) for part in parts)


def _part(part: str) -> str:
    if part.startswith("`"):
        return part
    if part.startswith(("http://", "https://")):
        return f"<{part}>"
    return _MARKUP.sub(r"\\\g<0>", part)


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_text(sentence)}" for sentence in sentences)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _size(size_bytes: int | None) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes else "not known"


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"
