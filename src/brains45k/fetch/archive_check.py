"""What an archive may hold, judged by its directory before anything is written."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from brains45k.fetch.archive_member import ASK_PROVIDER, BY_HAND, ArchiveFault, Member, shown

#: How the hidden folders begin in which archives are unpacked.
STAGING_PREFIX = ".unpacking-"

_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST_NAME_BYTES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may ask for.

    Attributes
    ----------
    members : int
        Entries of the directory.
    bytes : int
        All files together, unpacked.
    ratio : int
        All files together, unpacked, over the archive's size; below ``harmless_bytes`` it is not looked at,
        because an archive of label maps alone is nearly empty.
    depth : int
        Folders within folders.
    """

    members: int = 1_000_000
    bytes: int = 4 << 40
    ratio: int = 200
    harmless_bytes: int = 1 << 30
    depth: int = 100


@dataclass(slots=True)
class Plan:
    """What is to be unpacked: each file with its path, the folders' paths, and how much it is.

    Attributes
    ----------
    left_out : int
        Side files of macOS.
    """

    files: dict[Member, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    bytes: int = 0
    left_out: int = 0


def check(members: Iterable[Member], *, limits: Limits, archive_bytes: int) -> Plan:
    """Judge a directory entry by entry, and plan what is to be unpacked.

    Raises
    ------
    ArchiveFault
        With the name of the first member that objects, or the limit that is passed.
    """
    plan = Plan()
    for count, member in enumerate(members, start=1):
        _require_within(count, plan.bytes + member.bytes, limits, archive_bytes)
        _add(plan, member, depth=limits.depth)
    _add_folders_above(plan)
    _require_no_clash(plan)
    return plan


def _add(plan: Plan, member: Member, *, depth: int) -> None:
    if member.kind not in ("file", "folder"):
        raise ArchiveFault(f"{shown(member.name)} is {member.kind}", ASK_PROVIDER)
    path = safe_path(member.name, depth=depth)
    if _is_side_file(path):
        plan.left_out += member.kind == "file"
    elif member.kind == "folder":
        plan.folders.add(path)
    elif member in plan.files:
        raise _twice(member)
    else:
        plan.files[member] = path
        plan.bytes += member.bytes


def safe_path(name: str, *, depth: int) -> str:
    """Return the path that a member's name stands for, below wherever it is unpacked.

    Raises
    ------
    ArchiveFault
        If it leads elsewhere, or cannot be a path.

    Examples
    --------
    >>> safe_path("./ADNI//a.nii/", depth=9)
    'ADNI/a.nii'
    """
    reason = _why_unsafe(name)
    if reason:
        raise ArchiveFault(f"{shown(name)} {reason}", ASK_PROVIDER)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    reason = _why_unfit(parts, depth)
    if reason:
        raise ArchiveFault(f"{shown(name)} {reason}", BY_HAND)
    return "/".join(parts)


def _why_unsafe(name: str) -> str | None:
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if ".." in name.split("/"):
        return "leads out of its folder"
    if "\\" in name:
        return "has a backslash, which some systems read as a folder"
    return "has a NUL in its name" if "\0" in name else None


def _why_unfit(parts: list[str], depth: int) -> str | None:
    try:
        longest_bytes = max((len(os.fsencode(part)) for part in parts), default=0)
    except UnicodeEncodeError:
        return "has characters in its name that no disk takes"
    if longest_bytes > _LONGEST_NAME_BYTES:
        return f"has a name of {longest_bytes:,} bytes; disks take {_LONGEST_NAME_BYTES}"
    if len(parts) > depth:
        return f"lies {len(parts):,} folders deep"
    return "has a name that is reserved" if parts and parts[0].startswith(STAGING_PREFIX) else None


def too_many(limits: Limits) -> ArchiveFault:
    """Return the fault of an archive with more members than allowed."""
    return ArchiveFault(f"it holds more than the {limits.members:,} members allowed", BY_HAND)


def _require_within(count: int, total_bytes: int, limits: Limits, archive_bytes: int) -> None:
    if count > limits.members:
        raise too_many(limits)
    if total_bytes > limits.bytes:
        raise ArchiveFault(f"its files are more than the {limits.bytes:,} bytes allowed", BY_HAND)
    if total_bytes > max(limits.harmless_bytes, limits.ratio * archive_bytes):
        cause = f"its {archive_bytes:,} bytes unpack to more than {limits.ratio:,} times as many, as in a zip bomb"
        raise ArchiveFault(cause, ASK_PROVIDER)


def _is_side_file(path: str) -> bool:
    """Tell what macOS adds to an archive.

    >>> [_is_side_file(path) for path in ("__MACOSX/a/._b.nii", "a/._b.nii", "a/.DS_Store", "a/.bidsignore")]
    [True, True, True, False]
    """
    parts = path.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def _add_folders_above(plan: Plan) -> None:
    """Add the folders that paths need; most archives do not list them."""
    parents = {path.rpartition("/")[0] for path in (*plan.files.values(), *plan.folders)}
    for parent in parents:
        plan.folders.update(accumulate(parent.split("/"), "{}/{}".format))
    # The folder in which it is unpacked is there.
    plan.folders.discard("")


def _require_no_clash(plan: Plan) -> None:
    """Refuse a file without a name, one that is in the archive twice, and one where another needs a folder."""
    paths: set[str] = set()
    for member, path in plan.files.items():
        if not path or path in plan.folders:
            raise ArchiveFault(f"{shown(member.name)} is a file and a folder in one", ASK_PROVIDER)
        if path in paths:
            raise _twice(member)
        paths.add(path)


def _twice(member: Member) -> ArchiveFault:
    return ArchiveFault(f"{shown(member.name)} is in it twice", ASK_PROVIDER)
