"""All that an error tells, however deep in its chain: where a test looks for what must not be told."""

import traceback


def all_told(error: BaseException) -> str:
    """Return every text that an error and those behind it hold, by any way of showing them."""
    told = []
    pending: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while pending:
        current = pending.pop()
        if current is None or current in seen:
            continue
        seen.append(current)
        told += [str(current), repr(current), repr(current.args), repr(vars(current))]
        # What a decoder could not decode.
        told.append(repr(getattr(current, "object", "")))
        pending += [current.__cause__, current.__context__]
    return "\n".join([*told, *traceback.format_exception(error)])
