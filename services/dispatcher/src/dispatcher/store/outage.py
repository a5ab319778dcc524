"""Is a fault one of the surroundings, which passes whatever the message, or may the message be its cause?"""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

UNWELL = ("08", "53", "57P", "58", "25006")
"""How PostgreSQL's codes begin that tell of the server: no connection, out of something, starting or stopping, a broken
system, a stand-by that is not promoted yet.
"""


def is_outage(error: Exception) -> bool:
    """Tell whether a message is not to blame for a fault: the database is away, or cannot work."""
    if isinstance(error, OSError | PoolExhausted):
        return True
    told = error.orig if isinstance(error, DBAPIError) else error
    broke = isinstance(error, DBAPIError) and error.connection_invalidated
    return broke or str(getattr(told, "sqlstate", None) or "").startswith(UNWELL)
