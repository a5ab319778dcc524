"""The proof: what the API says against what the VPS really sent. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from local_stack.api_client import Recipient
from local_stack.demo.plan import Target
from local_stack.simulator.ledger import Entry

SENT_STATUSES = frozenset({"sent", "delivered", "read"})


class Findings(msgspec.Struct, frozen=True):
    """What is not as it must be; JIDs. All empty: the statuses are true.

    `lost`: planned, but the API does not know it. `twice`: reached more than once. `untrue`: shown as sent
    but not in the ledger, or the other way round, or with another message id. `unlike_plan`: a status that
    the case does not lead to.
    """

    lost: list[str]
    twice: list[str]
    untrue: list[str]
    unlike_plan: list[str]

    @property
    def all_well(self) -> bool:
        """Whether there is nothing to complain about."""
        return not (self.lost or self.twice or self.untrue or self.unlike_plan)


def compare(targets: Sequence[Target], shown: Mapping[str, Recipient], ledger: Sequence[Entry]) -> Findings:
    """Compare. `shown` is by JID; entries that WhatsApp refused reached nobody."""
    reached = [entry for entry in ledger if not entry.refused]
    times = Counter(entry.recipient for entry in reached)
    message_ids = {entry.recipient: entry.message_id for entry in reached}
    return Findings(
        lost=[target.jid for target in targets if target.jid not in shown],
        twice=[jid for jid, count in times.items() if count > 1],
        untrue=[jid for jid in sorted({*shown, *times}) if not is_true(shown.get(jid), message_ids.get(jid))],
        unlike_plan=[
            target.jid
            for target in targets
            if target.jid in shown and shown[target.jid].status != target.case.ends
        ],
    )


def is_true(shown: Recipient | None, reached_by: str | None) -> bool:
    """Tell whether a status is true: shown as sent exactly if a message reached it, and by that id."""
    if shown is None or shown.status not in SENT_STATUSES:
        return reached_by is None
    return shown.message_id == reached_by
