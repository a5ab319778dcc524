"""Whatever the order and the repetition of the VPS's reports, the end is the same."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import delivery
from dispatcher import translate
from dispatcher.domain import campaign as campaigns
from dispatcher.domain import recipient_commands as command
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.domain.campaign import Content
from dispatcher.domain.status import CampaignStatus
from dispatcher.handling import Cause, Handling, Rules
from dispatcher.routing import Match, MessageReport
from support.recipients import MESSAGE_IDS, failed, queued, started

CAMPAIGN = UUID(int=1)
KEYS = [(CAMPAIGN, "120363000000000001@g.us"), (CAMPAIGN, "120363000000000002@g.us")]
CAUSE = Cause("story")
RULES = Rules(RetryPolicy((60, 120, 240), max_attempts=4))


def report_of(kind: str, attempt: int, at_s: int, detail: int) -> MessageReport:
    """Build a report; what makes two reports the same one also gives them the same time."""
    known = {
        "id": f"{kind}-{attempt}-{at_s}-{detail}",
        "time": datetime.fromtimestamp(at_s, UTC),
        "correlation": "c",
        "session_id": "wa_x",
        "at": datetime.fromtimestamp(at_s, UTC),
    }
    message_id = MESSAGE_IDS[attempt]
    about = {**known, "message_id": message_id, "recipient": "g"}
    match kind:
        case "sent":
            return delivery.MessageSent(**about)
        case "failed":
            return delivery.MessageFailed(**about, error=f"error {detail}")
        case "errored":
            return delivery.MessageErrored(
                **about, error_code=(420, 479, 428, 999)[detail], error_message="no"
            )
        case "delivered":
            return delivery.MessageDelivered(**about, reader=f"reader {detail}")
        case "read":
            return delivery.MessageRead(**about, reader=f"reader {detail}")
        case "added":
            return delivery.ReactionAdded(**about, reactor=f"reader {detail}")
        case _:
            return delivery.ReactionRemoved(**about, reactor=f"reader {detail}")


TIMES = st.integers(10, 13) | st.sampled_from([2, 3, 500, 600])
"""When reports say that things happened; a clock that is wrong says before the attempt, or after now."""
kinds = st.sampled_from(["sent", "failed", "errored", "delivered", "read", "added", "removed"])
reports = st.builds(report_of, kinds, st.sampled_from([1, 2]), TIMES, st.integers(0, 3))
told = st.tuples(st.sampled_from(KEYS), reports)


def two_attempts_under_way() -> Handling:
    """Return a campaign of two recipients, each with a failed first and an open second attempt."""
    handling = Handling(RULES, 100_000)
    accepted = campaigns.Accepted(1, "default", "wa_x", Content("hi"), len(KEYS))
    handling.record_campaign(CAMPAIGN, [accepted, campaigns.QueuedUp(1)], CAUSE)
    for position, key in enumerate(KEYS):
        first = type(queued)(1_000, 1_000, "group", position)
        handling.record_recipient(key, [first, started(1), failed(1, 9_000), started(2, 9_500)], CAUSE)
    handling.conclude()
    return handling


def tell(handling: Handling, key: tuple[UUID, str], report: MessageReport) -> None:
    """Tell a report, as the consumer does."""
    match = Match(key, 1 if report.message_id == MESSAGE_IDS[1] else 2)
    attempt = handling.changes.recipients[key].state.attempt(match.attempt)
    if isinstance(report, translate.ReaderReport):
        known = handling.changes.readers.get(translate.reader_key(report, key))
        wish = translate.reader_command(report, match.attempt, known, attempt, handling.now_ms)
    else:
        wish = translate.send_command(report, match, handling.now_ms)
    if wish:
        handling.tell_recipient(key, wish, CAUSE)
    handling.conclude()


def outcome_of(order: list[tuple[tuple[UUID, str], MessageReport]]) -> object:
    """Return all that is told of the campaign after these reports."""
    handling = two_attempts_under_way()
    for key, report in order:
        tell(handling, key, report)
    row = handling.changes.campaigns[CAMPAIGN]
    states = [handling.changes.recipients[key].state for key in KEYS]
    return states, row.tally, row.campaign.status, handling.changes.readers


@settings(max_examples=400, deadline=None)
@given(st.lists(told, max_size=9), st.randoms(use_true_random=False), st.data())
def test_every_order_and_every_repetition_ends_in_the_same_state(heard, random, data):
    repeated = heard + (data.draw(st.lists(st.sampled_from(heard), max_size=5)) if heard else [])
    shuffled = list(repeated)
    random.shuffle(shuffled)
    assert outcome_of(shuffled) == outcome_of(heard)


DECISIONS = (
    command.Cancel(200_000),
    command.Retry(200_000, "dana"),
    command.Retry(200_000, "dana", include_unconfirmed=True),
    command.Retry(200_000, "dana", pending=True),
    command.Confirm(200_000, "sent", "dana"),
    command.Confirm(200_000, "failed", "dana"),
)
decided = st.tuples(st.sampled_from(KEYS), st.sampled_from(DECISIONS))


def outcome_around(
    before: list[tuple[tuple[UUID, str], MessageReport]],
    decisions: list[tuple[tuple[UUID, str], command.Decision]],
    after: list[tuple[tuple[UUID, str], MessageReport]],
) -> object:
    """Return all that is told of the campaign after reports, people's decisions, and more reports."""
    handling = two_attempts_under_way()
    for key in KEYS:
        handling.tell_recipient(key, command.Expire(100_000, 2), CAUSE)
    for key, report in before:
        tell(handling, key, report)
    for key, decision in decisions:
        handling.tell_recipient(key, decision, CAUSE)
        handling.conclude()
    for key, report in after:
        tell(handling, key, report)
    row = handling.changes.campaigns[CAMPAIGN]
    states = [handling.changes.recipients[key].state for key in KEYS]
    return states, row.tally, row.campaign.status, handling.changes.readers


@settings(max_examples=400, deadline=None)
@given(
    st.lists(told, max_size=6),
    st.lists(decided, max_size=4),
    st.lists(told, max_size=6),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_what_people_decide_in_between_does_not_make_the_order_matter(before, decisions, after, random, data):
    late = data.draw(st.lists(st.sampled_from(before), max_size=4)) if before else []
    shuffled_before, shuffled_after = list(before), [*after, *late]
    random.shuffle(shuffled_before)
    random.shuffle(shuffled_after)
    assert outcome_around(shuffled_before, decisions, shuffled_after) == outcome_around(
        before, decisions, after
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(told, max_size=12))
def test_the_totals_are_always_those_of_the_recipients(heard):
    handling = two_attempts_under_way()
    for key, report in heard:
        tell(handling, key, report)
        row = handling.changes.campaigns[CAMPAIGN]
        statuses = [handling.changes.recipients[key].state.status for key in KEYS]
        assert {status: statuses.count(status) for status in statuses} == {
            name: count
            for name, count in zip(row.tally.__struct_fields__, _values(row.tally), strict=True)
            if count
        }
        assert (row.campaign.status is CampaignStatus.RUNNING) == bool(row.tally.open)


def _values(tally: object) -> list[int]:
    return [getattr(tally, name) for name in tally.__struct_fields__]
