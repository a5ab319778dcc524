"""Golden samples: each message as it is on the wire, all from the day of one campaign.

Every phone number and JID is made up; ids and times are fixed, so that the files never change by themselves.
"""

from contracts.envelope import type_of
from contracts.generate.catalogue import kind_of
from contracts.generate.samples import commands, dead, delivery, events, session_events
from contracts.generate.samples.sample import Sample

SAMPLES: tuple[Sample, ...] = (
    *commands.SAMPLES,
    *delivery.SAMPLES,
    *events.SAMPLES,
    *session_events.SAMPLES,
    *dead.SAMPLES,
)
"""At least one sample of each message."""


def sample_path(sample: Sample) -> str:
    """Return where a sample lies, relative to `contracts/`: `<type>.json`, further cases `<type>.<case>.json`."""
    kind = kind_of(type(sample.message))
    case = f".{sample.case}" if sample.case else ""
    return f"samples/{kind.folder}/{type_of(sample.message)}{case}.json"
