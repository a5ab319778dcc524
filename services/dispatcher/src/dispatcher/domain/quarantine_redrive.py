"""That something in quarantine was sent again. Each has a stream of its own with this one event, so it happens once."""

import msgspec


class QuarantineRedriven(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="quarantine.redriven"
):
    """Somebody of a tenant had it published again, as it was, on `subject`; `item` is its id in quarantine."""

    at_ms: int
    tenant: str
    item: str
    subject: str
    by: str
    why: str | None = None
