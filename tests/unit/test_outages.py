"""Which faults are of the surroundings, and which may be a message's."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from dispatcher.store.outage import is_outage


class Told(Exception):
    """The driver's error, with PostgreSQL's code."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def wrapped(sqlstate: str | None, *, broke: bool = False) -> DBAPIError:
    return DBAPIError("SELECT", None, Told(sqlstate), connection_invalidated=broke)


OUTAGES = {
    "refused": ConnectionRefusedError(),
    "no answer in time": TimeoutError(),
    "starting up": asyncpg.CannotConnectNowError(),
    "shutting down": asyncpg.AdminShutdownError(),
    "lost while it connected": asyncpg.ConnectionDoesNotExistError(),
    "too many connections": asyncpg.TooManyConnectionsError(),
    "the pool is used up": PoolExhausted(),
    "the connection broke": wrapped(None, broke=True),
    "shut down in the middle": wrapped("57P01"),
    "disk full": wrapped("53100"),
    "cannot read a file": wrapped("58030"),
    "a stand-by": wrapped("25006"),
}
FAULTS = {
    "a bug": KeyError("x"),
    "a constraint": IntegrityError("INSERT", None, Told("23505")),
    "a bad value": wrapped("22P02"),
    "taken too long": wrapped("57014"),
    "without a code": wrapped(None),
}


@pytest.mark.parametrize("error", OUTAGES.values(), ids=OUTAGES)
def test_what_comes_of_the_surroundings_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", FAULTS.values(), ids=FAULTS)
def test_what_a_message_may_cause_is_none(error: Exception) -> None:
    assert not is_outage(error)
