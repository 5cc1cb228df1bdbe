"""Several failures of one source, told as one error."""

from collections.abc import Sequence

from brains45k.errors import BrainsError, CallError, DataError
from brains45k.fetch.credentials import CredentialsError


def common_kind(failures: Sequence[BrainsError]) -> type[BrainsError]:
    """Return the narrowest kind of error that all failures are of; a mixture is the data's.

    >>> common_kind([CredentialsError("a"), CallError("b")]), common_kind([CallError("a"), DataError("b")])
    (<class 'brains45k.errors.CallError'>, <class 'brains45k.errors.DataError'>)
    """
    kinds = (CredentialsError, CallError)
    return next((kind for kind in kinds if all(isinstance(error, kind) for error in failures)), DataError)
