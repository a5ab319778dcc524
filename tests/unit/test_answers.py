"""What each answer of the VPS means: its contract's table of failures, row by row."""

import msgspec
import pytest

from dispatcher.answers import (
    MAX_WORDS,
    Accepted,
    Answer,
    Found,
    NoLookup,
    NotFound,
    NotTaken,
    Rejected,
    Remembered,
    SessionTold,
    Unknown,
    Unreachable,
    read_lookup,
    read_send,
    read_status,
)

REFUSED = "rejected by the VPS"
UNREADABLE = "the VPS's answer could not be read"
HTML = b"<html><body>502 Bad Gateway</body></html>"
LATIN = '{"error":"d\xe9j\xe0"}'.encode("latin-1")
DEEP = b'{"success":true,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

SENDS: dict[str, tuple[int, bytes, Answer]] = {
    "accepted": (200, b'{"success":true,"accepted":true}', Accepted()),
    "accepted, with a field that we do not know": (202, b'{"success":true,"jobs":3}', Accepted()),
    "sent, as older builds say": (200, b'{"success":true,"messageId":"3EB0A"}', Accepted("3EB0A")),
    "accepted with an id, which is only queued": (
        200, b'{"success":true,"accepted":true,"messageId":"3EB0A"}', Accepted()
    ),
    "sent, and not merely accepted": (
        200, b'{"success":true,"accepted":false,"messageId":"3EB0A"}', Accepted("3EB0A")
    ),
    "success false": (200, b'{"success":false,"error":"blocked"}', Rejected(REFUSED, "blocked")),
    "success false without a word": (200, b'{"success":false}', Rejected(REFUSED)),
    "missing fields": (400, b'{"error":"Missing required fields: x"}', Rejected(REFUSED, "Missing required fields: x")),
    "400 in plain text": (400, b" no such group\n", Rejected(REFUSED, "no such group")),
    "400 in bytes that are no text": (400, b"\xff\xfe!", Rejected(REFUSED, "\ufffd\ufffd!")),
    "400 without a body": (400, b"", Rejected(REFUSED)),
    "too large": (413, b"", Rejected(REFUSED)),
    "wrong key": (401, b'{"error":"Unauthorized"}', NotTaken("the VPS refused our key", "Unauthorized")),
    "forbidden": (403, b"", NotTaken("the VPS refused our key")),
    "no such call": (404, b"", NotTaken("the VPS has no such call")),
    "not connected": (503, b'{"error":"not connected"}', NotTaken("the session is not connected", "not connected")),
    "too many": (429, b"", NotTaken("the VPS takes no more messages now")),
    "request timeout of a proxy": (408, b"", Unknown("the VPS answered 408")),
    "a fault inside the VPS": (500, b'{"error":"boom"}', Unknown("the VPS answered 500")),
    "a proxy's page": (502, HTML, Unknown("the VPS answered 502")),
    "a proxy's timeout": (504, HTML, Unknown("the VPS answered 504")),
    "a redirect": (302, b"", Unknown("redirected (302): something else than the VPS answered")),
    "200 with a page": (200, HTML, Unknown(UNREADABLE)),
    "200 without a body": (200, b"", Unknown(UNREADABLE)),
    "200 with a list": (200, b"[]", Unknown(UNREADABLE)),
    "200 cut off": (200, b'{"success":tr', Unknown(UNREADABLE)),
    "200 with success of another type": (200, b'{"success":"yes"}', Unknown(UNREADABLE)),
    "200 that says nothing": (200, b"{}", Unknown("the VPS's answer said nothing")),
    "not connected, in Latin-1": (503, LATIN, NotTaken("the session is not connected", "d\ufffdj\ufffd")),
    "too many, in Latin-1": (429, LATIN, NotTaken("the VPS takes no more messages now", "d\ufffdj\ufffd")),
    "missing fields, in Latin-1": (400, LATIN, Rejected(REFUSED, "d\ufffdj\ufffd")),
    "success false, in Latin-1": (200, b'{"success":false,"error":"\xf6"}', Rejected(REFUSED, "\ufffd")),
    "200 nested too deep": (200, DEEP, Unknown(UNREADABLE)),
    "not connected, nested too deep": (
        503, DEEP, NotTaken("the session is not connected", DEEP[:MAX_WORDS].decode())
    ),
}  # fmt: skip  # one row a line


@pytest.mark.parametrize(("status", "body", "meaning"), SENDS.values(), ids=SENDS.keys())
def test_an_answer_to_send_means(status: int, body: bytes, meaning: Answer):
    assert read_send(status, body, None) == meaning


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [
        *[("7", 7_000), ("0", 0), (None, None), ("", None), ("-3", None), ("1.5", None), ("\u00b2", None)],
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("9" * 5_000, None),
    ],
)
def test_a_retry_after_counts_in_seconds_and_anything_else_is_as_if_missing(header, wait_ms):
    assert read_send(429, b"", header) == NotTaken("the VPS takes no more messages now", wait_ms=wait_ms)


def test_a_retry_after_beyond_all_reason_is_cut_to_an_hour():
    answer = read_send(429, b"", "9" * 30)
    assert isinstance(answer, NotTaken)
    assert answer.wait_ms == 3_600_000


def test_a_retry_after_counts_only_with_429():
    assert read_send(503, b"", "7") == NotTaken("the session is not connected")


@pytest.mark.parametrize("body", [b"x" * 5_000, msgspec.json.encode({"error": "x" * 5_000})])
def test_only_the_beginning_of_the_words_of_the_vps_is_kept(body: bytes):
    answer = read_send(400, body, None)
    assert isinstance(answer, Rejected)
    assert answer.vps_error == "x" * MAX_WORDS


def test_a_nul_in_an_id_is_replaced_because_no_query_can_name_it():
    assert read_send(200, b'{"success":true,"messageId":"a\\u0000b"}', None) == Accepted("a\ufffdb")
    found = b'{"success":true,"found":true,"messageId":"a\\u0000b"}'
    assert read_lookup(200, found) == Found("a\ufffdb", None)


LOOK_UPS: dict[str, tuple[int, bytes, Remembered]] = {
    "found": (200, b'{"success":true,"found":true,"messageId":"3EB0A","timestamp":5}', Found("3EB0A", 5)),
    "found, without a time": (200, b'{"success":true,"found":true,"messageId":"3EB0A"}', Found("3EB0A", None)),
    "not found": (200, b'{"success":true,"found":false}', NotFound()),
    "found, but no id": (200, b'{"success":true,"found":true}', Unreachable("the VPS's answer names no message")),
    "no success": (200, b'{"success":false,"found":false}', Unreachable("the VPS could not look it up")),
    "no such call": (404, b"", NoLookup()),
    "not connected": (503, b"", Unreachable("the VPS answered 503")),
    "wrong key": (401, b"", Unreachable("the VPS answered 401")),
    "a page": (200, HTML, Unreachable(UNREADABLE)),
    "nothing": (200, b"", Unreachable(UNREADABLE)),
    "found, with a state in Latin-1": (
        200, b'{"success":true,"found":true,"messageId":"3EB0A","status":"\xf6","timestamp":5}', Found("3EB0A", 5)
    ),
    "nested too deep": (200, DEEP, Unreachable(UNREADABLE)),
}  # fmt: skip  # one row a line


@pytest.mark.parametrize(("status", "body", "meaning"), LOOK_UPS.values(), ids=LOOK_UPS.keys())
def test_an_answer_to_a_look_up_means(status: int, body: bytes, meaning: Remembered):
    assert read_lookup(status, body) == meaning


def test_the_state_of_a_session_is_read_although_another_word_of_the_answer_is_latin_1():
    body = b'{"sessionId":"wa","status":"connected","phoneNumber":"\xf6"}'
    assert read_status(200, body) == SessionTold("connected", "\ufffd")


def test_the_state_of_a_session_nested_too_deep_is_none():
    assert read_status(200, DEEP) == Unreachable(UNREADABLE)
