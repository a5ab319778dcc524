"""A campaign's totals: how many recipients stand where. Kept by adding differences up, never by counting rows."""

from collections.abc import Iterable

import msgspec

from dispatcher.domain.status import OPEN, SUCCEEDED, CampaignStatus, Status


class Tally(msgspec.Struct, frozen=True):
    """Recipients per status."""

    queued: int = 0
    processing: int = 0
    unconfirmed: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0

    def of(self, statuses: Iterable[Status]) -> int:
        """Return how many stand in any of these statuses."""
        return sum(getattr(self, status.value) for status in statuses)

    @property
    def total(self) -> int:
        """All recipients recorded."""
        return self.of(Status)

    @property
    def open(self) -> int:
        """Those that keep the campaign from being finished."""
        return self.of(OPEN)

    @property
    def succeeded(self) -> int:
        """What users read as `sent_count`."""
        return self.of(SUCCEEDED)

    def plus(self, differences: "dict[Status, int]") -> "Tally":
        """Return the totals after these differences."""
        changed = {status.value: getattr(self, status.value) + n for status, n in differences.items() if n}
        return msgspec.structs.replace(self, **changed) if changed else self


def move(differences: dict[Status, int], before: Status | None, after: Status) -> None:
    """Add one recipient's step to `differences` (in place); `before` is None for a new recipient."""
    if before is not None:
        differences[before] = differences.get(before, 0) - 1
    differences[after] = differences.get(after, 0) + 1


def outcome(tally: Tally) -> CampaignStatus:
    """Return the status of a campaign with no open recipient: the one rule, for everywhere."""
    if not tally.succeeded:
        return CampaignStatus.FAILED
    return CampaignStatus.PARTIAL if tally.failed else CampaignStatus.COMPLETED
