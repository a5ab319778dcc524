"""The messages of a run: who gets one, through which session, and how they are asked for."""

from collections.abc import Sequence

from contracts.commands import CampaignSpec
from local_stack.api_client import ApiClient
from local_stack.demo.plan import jid_of_number, recipient_of
from local_stack.fault.setting import BARE_VPS, Size
from local_stack.simulator.client import SimulatorClient

Planned = list[tuple[str, str]]
"""Session and JID of each message."""


def plan_messages(size: Size) -> Planned:
    """Share the recipients out to the sessions."""
    return [
        (session_name(number % size.sessions), jid_of_number(number)) for number in range(size.recipients)
    ]


def session_name(number: int) -> str:
    """Name a session; every second one has a bare VPS."""
    return f"wa_{'bare' if number % 2 else 'full'}_{number:03d}"


def is_bare(session_id: str) -> bool:
    """Tell whether the VPS of a session neither drops repeats nor can be asked."""
    return session_id.startswith("wa_bare_")


async def create(api: ApiClient, vps: SimulatorClient, planned: Planned, message: str) -> None:
    """Say of which build the VPS of each session is, and create one campaign for each session."""
    sessions = sorted({session_id for session_id, _ in planned})
    for session_id in filter(is_bare, sessions):
        await vps.put_session(session_id, **BARE_VPS)
    for session_id in sessions:
        await api.create(spec_of(session_id, planned, message))


def spec_of(session_id: str, planned: Sequence[tuple[str, str]], message: str) -> CampaignSpec:
    """Return the campaign of one session."""
    recipients = [recipient_of(jid) for session, jid in planned if session == session_id]
    return CampaignSpec(session_id=session_id, message=message, recipients=recipients)
