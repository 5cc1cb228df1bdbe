"""A kind of table: how its columns are recognised, what a row says, and how an image finds it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from brains45k.sources.facts import Facts

#: Facts under the key by which an image will ask for them.
Entry = tuple[str, Facts]
#: Where a table has the columns that are read, by their role.
Places = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of table.

    Attributes
    ----------
    recognise : callable
        Takes a row that may be a header and returns where the columns are, or None if it is no such table.
    entries : callable
        Takes a row's cells by role and returns what it says; None if it lacks what it could be found by.
    facts_of : callable
        Takes the register's ``get``, an image's path and its layout's fields, and returns what is known of it.
    """

    recognise: Callable[[Sequence[str]], Places | None]
    entries: Callable[[Mapping[str, str]], list[Entry] | None]
    facts_of: Callable[[Callable[[str], Facts], str, Mapping[str, str]], Facts]


def places_of(header: Sequence[str], spellings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Find the columns, whatever their order, capitals and punctuation; of two alike the first.

    Parameters
    ----------
    header : sequence of str
        A row of cells.
    spellings : mapping
        By role, patterns of the column's name in small letters, with a space for whatever is neither a letter nor
        a digit.

    Examples
    --------
    >>> places_of(["Age", "Local ID ", "Image_Data_ID"], {"image": ["image data id"], "local": ["local*"]})
    {'image': 2, 'local': 1}
    """
    names = [re.sub(r"[^a-z0-9]+", " ", cell.casefold()).strip() for cell in header]
    found: dict[str, int] = {}
    for role, patterns in spellings.items():
        for pattern in patterns:
            place = next((index for index, name in enumerate(names) if fnmatchcase(name, pattern)), None)
            if place is not None:
                found[role] = place
                break
    return found
