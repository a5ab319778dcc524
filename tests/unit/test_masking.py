"""No phone number and no JID in a log line, wherever it came from."""

import logging
import sys

import pytest

from dispatcher.logs import Masking, mask

MASKED = [
    ("to 120363041234567890@g.us", "to …890@g.us"),
    ("to 919812345678-1700000000@g.us now", "to …000@g.us now"),
    ("919812345678@s.whatsapp.net", "…678@s.whatsapp.net"),
    ("123456789012345@lid", "…345@lid"),
    ("call +919812345678!", "call …678!"),
    ("recipient-0b9b1e2c+120363041234567890@g.us", "recipient-0b9b1e2c…890@g.us"),
    ('{"a":"919812345678@s.whatsapp.net","b":"+972501234567"}', '{"a":"…678@s.whatsapp.net","b":"…567"}'),
]
LEFT_ALONE = [
    "broadcast_id=6f1c0b9b-1e2c-4f7a-9f57-3b1c2d4e5f60",
    "messages=1234567 seconds=1700000000",
    "at 2026-02-15T10:00:00+0000",
    "someone@example.org",
    "message_id=3EB0C767D097B7C7E1F2",
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_all_but_the_last_three_digits_are_hidden(text: str, masked: str):
    assert mask(text) == masked


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_no_address_stays(text: str):
    assert mask(text) == text


def test_a_number_in_an_argument_and_in_a_stack_trace_is_masked_too():
    try:
        {}["919812345678@s.whatsapp.net"]
    except KeyError:
        trace = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "to=%s", ("+919812345678",), trace)
    line = Masking("%(message)s").format(record)
    assert line.startswith("to=…678")
    assert "KeyError: '…678@s.whatsapp.net'" in line
    assert "919812345678" not in line
