"""The errors that a user sees as one line: file, cause, remedy."""


class BrainsError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_code = 1


class DataError(BrainsError):
    """The data is at fault: a damaged shard, a missing source, an unusable volume."""


class CallError(BrainsError):
    """The call is at fault: a config that breaks its schema, an option that does not exist."""

    exit_code = 2
