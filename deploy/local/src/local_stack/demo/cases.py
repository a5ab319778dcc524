"""What goes wrong in the demo: one row for each way, with how often and how it must end."""

import msgspec

from local_stack.simulator.client import Knob

SENT = "sent"
READ = "read"
FAILED = "failed"


class Case(msgspec.Struct, frozen=True):
    """One way of the VPS to treat a message: the simulator's `knobs`, and the status that it must end in."""

    words: str
    count: int
    ends: str
    knobs: dict[str, Knob]


CASES = (
    Case("the answer to our call got lost; the callback settled it", 6, SENT, {"lose_answer": 1.0}),
    Case(
        "the connection broke after the VPS had taken it; the callback settled it",
        4,
        SENT,
        {"reset_after": 1.0},
    ),
    Case("a proxy answered 502 although the VPS had taken it", 4, SENT, {"proxy_502_after": 1.0}),
    Case("the callback overtook the answer to our call", 8, SENT, {"early": 1.0}),
    Case("each callback came three times", 10, SENT, {"duplicate": 1.0, "copies": 3}),
    Case(
        "the callback came after the deadline; the VPS was asked before",
        8,
        SENT,
        {"late": 1.0, "late_ms": 5000},
    ),
    Case("no callback ever came; the VPS was asked", 1, SENT, {"silent": True}),
    Case("not written at first; sent by a second attempt", 8, SENT, {"fail": 1.0, "only_first": 1}),
    Case("too many requests at first; sent later", 4, SENT, {"refuse_429": 1.0, "only_first": 1}),
    Case(
        "accepted and forgotten by the VPS; found out, and sent again",
        2,
        SENT,
        {"swallow": 1.0, "only_first": 1},
    ),
    Case(
        "delivered, and read by a member of the group", 12, READ, {"delivered_readers": 2, "read_readers": 1}
    ),
    Case("rejected by the VPS at once", 6, FAILED, {"reject": 1.0, "reject_error": "Not a WhatsApp account"}),
    Case("reported as sent, then refused by WhatsApp", 6, FAILED, {"error_ack": 1.0, "error_delay_ms": 400}),
    Case(
        "refused by WhatsApp before it was reported as sent",
        3,
        FAILED,
        {"error_ack": 1.0, "error_first": 1.0},
    ),
    Case("not written, at any attempt", 3, FAILED, {"fail": 1.0}),
)

NO_TROUBLE = "sent, and confirmed by a callback"


def with_rest(cases: tuple[Case, ...], total: int) -> tuple[Case, ...]:
    """Return the cases with the messages that meet no trouble in front, so that all are `total`."""
    rest = total - sum(case.count for case in cases)
    return (Case(NO_TROUBLE, rest, SENT, {}), *cases)
