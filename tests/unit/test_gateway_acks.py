"""What a refusal of the NATS stream says: that it passes, that somebody must act, or that it is the message."""

import pytest

from webhook_gateway.acks import (
    ERROR_SAME_ID_UNDER_WAY,
    ERROR_STORE_FAILED,
    ERROR_STREAM_SEALED,
    ERROR_TOO_LARGE,
    NO_ANSWER,
    AckError,
    is_final,
    is_for_good,
)


@pytest.mark.parametrize(
    ("error", "final", "for_good"),
    [
        pytest.param(NO_ANSWER.error, False, False, id="no answer"),
        pytest.param(AckError(429, 10167, "too many requests"), False, False, id="inbound queue full"),
        pytest.param(AckError(429, 10210, "too many in flight"), False, False, id="too many batches"),
        pytest.param(AckError(503, ERROR_STORE_FAILED), True, False, id="full"),
        pytest.param(AckError(400, ERROR_STREAM_SEALED), True, False, id="sealed"),
        pytest.param(AckError(400, ERROR_SAME_ID_UNDER_WAY), True, False, id="id under way"),
        pytest.param(AckError(400, ERROR_TOO_LARGE), True, True, id="too large"),
        pytest.param(AckError(418, 19999), True, True, id="of the message, as it seems"),
    ],
)
def test_only_a_refusal_of_the_message_itself_is_for_good(error: AckError, final: bool, for_good: bool):
    assert (is_final(error), is_for_good(error)) == (final, for_good)
