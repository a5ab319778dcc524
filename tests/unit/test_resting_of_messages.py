"""How long a message rests that could not be handled."""

import pytest

from contracts import streams
from contracts.streams import Durable
from dispatcher.consumers.batch import rest_seconds
from dispatcher.consumers.parked import NotParked


def test_a_rest_doubles_up_to_a_limit_and_is_short_while_the_surroundings_are_away():
    assert [rest_seconds(n, ValueError()) for n in (1, 2, 3, 1000)] == [1, 2, 4, 60]
    assert [rest_seconds(n, NotParked()) for n in (1, 2, 3, 1000)] == [1, 2, 4, 3600]
    assert [rest_seconds(n, ConnectionError()) for n in (1, 1000)] == [1, 1]


@pytest.mark.parametrize("durable", [streams.DISPATCHER_COMMANDS, streams.DISPATCHER_DELIVERIES])
def test_what_cannot_be_parked_is_tried_again_for_as_long_as_it_is_kept(durable: Durable):
    (kept,) = [stream.max_age_seconds for stream in streams.STREAMS if stream.name == durable.stream]
    assert sum(rest_seconds(n, NotParked()) for n in range(1, durable.max_deliver)) > kept
