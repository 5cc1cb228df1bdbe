"""Bring every enabled source into its folder; a source that fails keeps no other away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from brains45k.corpus.settings import Settings
from brains45k.errors import BrainsError
from brains45k.fetch.credentials import CredentialsError
from brains45k.fetch.patience import PATIENCE, Patience
from brains45k.fetch.source import Fetched, Outcome, fetch_source
from brains45k.sources.catalog import Source


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one source.

    Attributes
    ----------
    outcome : Outcome, optional
        None where it failed.
    note : str
        Of a source that failed, why; of the others, what was done, and which archives were left alone.
    """

    source: Source
    outcome: Outcome | None
    note: str


def fetch_every(settings: Settings, *, log: TextIO, patience: Patience = PATIENCE) -> Iterator[Report]:
    """Fetch the enabled sources one after the other, by name.

    Parameters
    ----------
    settings : Settings
        Which sources, where, and whose terms are accepted.
    log : file
        Gets a line for each file that is done, and for each source that failed.
    patience : Patience, optional
        How long to wait for a server, and how often to try again.
    """
    for name, entry in settings.sources.items():
        try:
            fetched = fetch_source(
                entry.source,
                entry.root,
                accepted=settings.accept_terms,
                keep_archives=settings.keep_archives,
                log=log,
                patience=patience,
            )
        except BrainsError as error:
            log.write(f"{name}: {error}\n")
            outcome = Outcome.CREDENTIALS if isinstance(error, CredentialsError) else None
            yield Report(entry.source, outcome, str(error))
        else:
            log.write(f"{name}: {fetched.outcome}\n")
            yield Report(entry.source, fetched.outcome, _note(fetched, entry.source))


def _note(fetched: Fetched, source: Source) -> str:
    left = f"not of this source: {', '.join(fetched.foreign)}" if fetched.foreign else ""
    return "\n".join(filter(None, (_what(fetched.outcome, fetched.files, source), left)))


def _what(outcome: Outcome, files: int, source: Source) -> str:
    document = source.document
    if outcome in {Outcome.FETCHED, Outcome.UNPACKED}:
        return f"{files:,} {'archives' if outcome is Outcome.UNPACKED else 'files'}"
    if outcome is Outcome.TERMS:
        return (
            f"licence: {document['licence']}. {' '.join(document['terms'])} If you accept this, add {source.name} to "
            f"accept_terms in the config; docs/sources/{source.name}.md has the rest."
        )
    if outcome is Outcome.BY_HAND:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(document["access"]["steps"], start=1))
    return ""
