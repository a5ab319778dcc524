"""Acks: the NATS stream's answer to a publish, and what a refusal says: of the message, of the stream, of now."""

import msgspec

from contracts.streams import ERROR_BATCH_DUPLICATE

AWAY_CODE = 503
"""The API code of a server that cannot now: no leader, still starting."""
BUSY_CODE = 429
"""The API code of a stream to which too much is on its way (by default 10,000 messages or 128 MB)."""
PASSING_CODES = frozenset({AWAY_CODE, BUSY_CODE})
"""The API codes of errors that pass by themselves."""
REFUSAL_CODES = frozenset(range(400, 500)) - PASSING_CODES
"""The API codes of what was sent, and not of the state of the server."""

ERROR_STORE_FAILED = 10077
"""The stream is full, or its disk is; it does not pass while we wait, although its API code says so."""
ERROR_TOO_LARGE = 10054
"""The message is over the stream's `max_msg_size`."""
ERROR_BATCH_INCOMPLETE = 10176
"""A message of the batch did not count, for instance because it is too large."""
ERROR_ACCOUNT_FULL = 10002
ERROR_STREAM_SEALED = 10109
ERROR_SAME_ID_UNDER_WAY = 10158

NOT_OF_THE_MESSAGE = frozenset({ERROR_ACCOUNT_FULL, ERROR_STREAM_SEALED, ERROR_SAME_ID_UNDER_WAY})
"""Refusals that say nothing of the message, although their API codes do: somebody, or a moment, puts an end to them."""
ONE_IS_AT_FAULT = frozenset({ERROR_BATCH_DUPLICATE, ERROR_BATCH_INCOMPLETE, ERROR_TOO_LARGE})
"""Refusals of a batch that smaller batches without the one would not meet."""


class AckError(msgspec.Struct):
    """Why JetStream refused."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Ack(msgspec.Struct):
    """JetStream's answer to a publish; `count` is set for an atomic batch."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    count: int = 0
    error: AckError | None = None


NO_ANSWER = Ack(error=AckError(AWAY_CODE, description="no answer"))
OVER_MAX_PAYLOAD = Ack(error=AckError(400, ERROR_TOO_LARGE, "larger than the server's max_payload"))
"""Our own answer: the server would not answer such a message, but close the connection."""


def is_stored(ack: Ack) -> bool:
    """Whether the stream has what this is the answer to."""
    return ack.error is None


def is_final(error: AckError) -> bool:
    """Whether a refusal does not pass by itself while a sender waits."""
    return error.code not in PASSING_CODES or error.err_code == ERROR_STORE_FAILED


def is_for_good(error: AckError) -> bool:
    """Whether the stream, as it is, never takes a message that it refused so, by itself and not in a batch."""
    return error.code in REFUSAL_CODES and error.err_code not in NOT_OF_THE_MESSAGE
