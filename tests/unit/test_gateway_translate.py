"""Translation: which report a callback is, and what makes two callbacks the same."""

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import delivery, wire
from contracts.dead import CallbackQuarantined
from webhook_gateway import quarantine
from webhook_gateway.callbacks import HOOKS, Unfamiliar, UnreadableCallbackError, read_callback
from webhook_gateway.identity import content_id
from webhook_gateway.receipt import Receipt
from webhook_gateway.translate import translate

NOW = datetime(2026, 2, 15, 10, 0, tzinfo=UTC)
HOOK = {hook.name: hook for hook in HOOKS}
SENT = {"event": "message_sent", "sessionId": "wa_x", "groupJid": "1@g.us", "messageId": "3EB0"}
FAILED = {"event": "message_failed", "sessionId": "wa_x", "groupJid": "1@g.us", "error": "Connection Closed"}
ERRORED = {"event": "message_error", "sessionId": "wa_x", "messageId": "3EB0", "errorCode": 420}
READ = {"event": "read", "sessionId": "wa_x", "messageId": "3EB0", "groupJid": "1@g.us", "readerPhone": "1"}
REACTED = {
    "event": "reaction_add", "sessionId": "wa_x", "messageId": "3EB0", "groupJid": "1@g.us",
    "reactorPhone": "1", "emoji": "👍", "timestamp": "2026-02-15T10:00:00Z",
}  # fmt: skip
STATUS = {"sessionId": "wa_x", "status": "connected", "timestamp": "2026-02-15T10:00:00Z"}
JOINED = {
    "event": "join", "sessionId": "wa_x", "groupJid": "1@g.us", "participant": {"phone": "1"},
    "timestamp": "2026-02-15T10:00:00Z",
}  # fmt: skip


def report(
    hook: str, body: dict[str, object], *, at: datetime = NOW, tenant: str = "default"
) -> delivery.Report:
    raw = msgspec.json.encode(body)
    return translate(read_callback(HOOK[hook], raw), Receipt(hook, tenant, at, raw))


DIFFERENT = [
    ("send-callback", SENT, {"sessionId": "wa_y"}),
    ("send-callback", SENT, {"groupJid": "2@g.us"}),
    ("send-callback", SENT, {"messageId": "3EB1"}),
    ("send-callback", SENT, {"event": "message_failed"}),
    ("send-callback", FAILED, {"timestamp": 1708700000000}),
    ("send-callback", FAILED, {"clientRef": "attempt-2"}),
    ("send-callback", FAILED, {"error": "Timed Out"}),
    ("message-error", ERRORED, {"messageId": "3EB1"}),
    ("message-error", ERRORED, {"errorCode": 463}),
    ("read-receipt", READ, {"messageId": "3EB1"}),
    ("read-receipt", READ, {"readerPhone": "2"}),
    ("read-receipt", READ, {"event": "delivered"}),
    ("reaction", REACTED, {"messageId": "3EB1"}),
    ("reaction", REACTED, {"reactorPhone": "2"}),
    ("reaction", REACTED, {"emoji": "👎"}),
    ("reaction", REACTED, {"event": "reaction_remove"}),
    ("reaction", REACTED, {"timestamp": "2026-02-15T10:00:01Z"}),
    ("session-status", STATUS, {"sessionId": "wa_y"}),
    ("session-status", STATUS, {"status": "disconnected"}),
    ("session-status", STATUS, {"phoneNumber": "1"}),
    ("session-status", STATUS, {"timestamp": "2026-02-15T10:00:01Z"}),
    ("membership", JOINED, {"groupJid": "2@g.us"}),
    ("membership", JOINED, {"participant": {"phone": "2"}}),
    ("membership", JOINED, {"event": "leave"}),
    ("membership", JOINED, {"timestamp": "2026-02-15T10:00:01Z"}),
]

SAME = [
    ("send-callback", SENT, {"timestamp": 1708700000000, "status": "sent", "clientRef": "a"}),
    ("send-callback", SENT, {"groupJid": " 1@g.us ", "messageId": "3EB0 "}),
    (
        "send-callback",
        FAILED | {"timestamp": 1708700000000},
        {"timestamp": "1708700000000", "error": "other"},
    ),
    ("message-error", ERRORED, {"sessionId": "wa_y", "errorMessage": "no", "groupJid": "1@g.us"}),
    ("read-receipt", READ, {"sessionId": "wa_y", "timestamp": 1708700000000}),
    ("reaction", REACTED, {"sessionId": "wa_y", "timestamp": 1771149600000}),
    ("session-status", STATUS, {"timestamp": 1771149600}),
    ("membership", JOINED, {"sessionId": "wa_y", "participant": {"phone": "1", "id": "1@lid"}}),
]


@pytest.mark.parametrize(("hook", "body", "change"), DIFFERENT)
def test_what_belongs_to_the_identity_makes_another_message(hook, body, change):
    assert report(hook, body).id != report(hook, body | change).id


@pytest.mark.parametrize(("hook", "body", "change"), SAME)
def test_what_does_not_belong_to_the_identity_makes_no_difference(hook, body, change):
    assert report(hook, body, at=NOW).id == report(hook, body | change, at=NOW + timedelta(hours=3)).id


@pytest.mark.parametrize(
    ("hook", "body"), [("reaction", REACTED), ("session-status", STATUS), ("membership", JOINED)]
)
def test_without_a_timestamp_the_time_of_receipt_keeps_what_is_new_apart(hook, body):
    bare = {name: value for name, value in body.items() if name != "timestamp"}
    assert report(hook, bare, at=NOW).id != report(hook, bare, at=NOW + timedelta(seconds=1)).id


def test_a_failure_without_id_and_timestamp_is_the_same_however_late_it_comes_again():
    assert (
        report("send-callback", FAILED).id == report("send-callback", FAILED, at=NOW + timedelta(hours=1)).id
    )


@pytest.mark.parametrize(("hook", "body", "_"), DIFFERENT)
def test_two_tenants_never_share_a_message(hook, body, _):
    assert report(hook, body, tenant="a").id != report(hook, body, tenant="b").id


def test_a_report_says_what_the_callback_said():
    body = SENT | {"timestamp": 1708700000000, "clientRef": "attempt-1", "extra": {"ignored": True}}
    made = report("send-callback", body)
    assert made == delivery.MessageSent(
        id=made.id, time=NOW, tenant="default", correlation=made.id, session_id="wa_x",
        at=datetime(2024, 2, 23, 14, 53, 20, tzinfo=UTC), raw_timestamp=1708700000000, client_ref="attempt-1",
        recipient="1@g.us", message_id="3EB0",
    )  # fmt: skip


def test_where_the_vps_gives_no_time_it_is_the_time_of_receipt():
    assert report("message-error", ERRORED).at == NOW
    odd = report("send-callback", SENT | {"timestamp": "yesterday"})
    assert (odd.at, odd.raw_timestamp) == (NOW, "yesterday")


def test_a_reader_that_the_vps_does_not_name_is_empty():
    assert report("read-receipt", READ | {"readerPhone": None}).reader == ""


def test_a_participant_without_a_phone_goes_by_its_id():
    assert report("membership", JOINED | {"participant": {"phone": "", "id": "7@lid"}}).participant == "7@lid"


def test_a_failure_without_words_is_still_a_failure():
    assert report("send-callback", FAILED | {"error": None}).error == ""


@pytest.mark.parametrize("body", [
    {"event": "message_queued"},
    {"event": "message_queued", "sessionId": "wa_x", "depth": 3},
    SENT | {"event": "message_seen"},
])  # fmt: skip
def test_a_new_event_word_is_kept_whole_whatever_else_it_says(body):
    raw = msgspec.json.encode(body)
    callback = read_callback(HOOK["send-callback"], raw)
    assert isinstance(callback, Unfamiliar)
    kept = quarantine.unknown(Receipt("send-callback", "acme", NOW, raw), callback)
    message = msgspec.json.decode(kept.payload, type=CallbackQuarantined)
    assert (message.kind, message.hook, message.tenant) == ("unknown", "send-callback", "acme")
    assert body["event"] in message.reason
    assert base64.b64decode(message.body) == raw


@pytest.mark.parametrize("field", ["sessionId", "groupJid"])
def test_a_blank_text_where_one_is_needed_names_its_field(field):
    with pytest.raises(UnreadableCallbackError) as refused:
        report("send-callback", SENT | {field: " "})
    assert refused.value.path == f"$.{field}"


def test_an_integer_that_no_encoder_writes_is_kept_as_its_digits():
    raw = msgspec.json.encode(SENT)[:-1] + b',"timestamp":' + b"9" * 40 + b"}"
    made = translate(read_callback(HOOK["send-callback"], raw), Receipt("send-callback", "default", NOW, raw))
    assert (made.raw_timestamp, made.at) == ("9" * 40, NOW)
    msgspec.json.encode(made)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_two_contents_share_an_id_only_if_they_are_equal(one, other):
    assert (content_id("sc", *one) == content_id("sc", *other)) == (one == other)


@given(st.builds(dict, st.fixed_dictionaries({}, optional={
    "event": st.sampled_from(["message_sent", "message_failed", "x"]), "sessionId": st.text(max_size=5),
    "groupJid": st.text(max_size=5), "messageId": st.none() | st.text(max_size=5), "error": st.none() | st.text(),
    "timestamp": st.none() | st.integers() | st.text(max_size=5) | st.booleans(), "clientRef": st.none() | st.text(),
})))  # fmt: skip
def test_any_body_is_a_report_that_can_be_encoded_or_is_refused_with_a_path(body):
    made = or_refused(lambda: report_or_unfamiliar(body))
    if isinstance(made, Unfamiliar):
        assert made.event == "x"
    elif isinstance(made, UnreadableCallbackError):
        assert made.path.startswith("$")
    else:
        assert msgspec.json.decode(msgspec.json.encode(made), type=delivery.Report) == made


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    for hook in HOOKS:
        assert isinstance(
            or_refused(lambda hook=hook: read_callback(hook, raw)), wire.Callback | UnreadableCallbackError
        )


def report_or_unfamiliar(body):
    raw = msgspec.json.encode(body)
    callback = read_callback(HOOK["send-callback"], raw)
    if isinstance(callback, Unfamiliar):
        return callback
    return translate(callback, Receipt("send-callback", "default", NOW, raw))


def or_refused(read):
    try:
        return read()
    except UnreadableCallbackError as refused:
        return refused


@pytest.mark.parametrize("code", [2**31, -(2**31) - 1, 2**63, 10**30])
def test_an_error_code_that_no_table_of_ours_can_hold_makes_a_callback_unreadable(code: int):
    with pytest.raises(UnreadableCallbackError) as unreadable:
        report("message-error", ERRORED | {"errorCode": code})
    assert (unreadable.value.path, unreadable.value.reason) == ("$.errorCode", "Number out of range")


@pytest.mark.parametrize("code", [2**31 - 1, 0, -1, -(2**31)])
def test_any_other_error_code_is_reported_as_it_is(code: int):
    errored = report("message-error", ERRORED | {"errorCode": code})
    assert isinstance(errored, delivery.MessageErrored)
    assert errored.error_code == code
