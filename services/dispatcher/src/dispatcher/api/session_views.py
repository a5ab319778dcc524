"""What the API answers about sessions and groups, and how it follows from the rows."""

from datetime import datetime

import msgspec

from dispatcher.domain.session import CONNECTED, DOWN, Session
from dispatcher.projections.rows import GroupRow, SessionRow
from dispatcher.translate import to_time


class SettingsView(msgspec.Struct, frozen=True):
    """What an operator allows a session."""

    daily_cap: int | None
    quiet_from: str | None
    quiet_to: str | None
    timezone: str


class SessionView(msgspec.Struct, frozen=True):
    """A session. `status` is the VPS's own word and `connection` says what it means for people; `sendable`: messages
    may leave now, as far as its health goes. `attention` says why somebody should look at it.
    """

    session_id: str
    tenant: str | None
    status: str
    connection: str
    phone_number: str | None
    sendable: bool
    last_error: str | None
    last_error_at: datetime | None
    last_verified_at: datetime | None
    needs_attention: bool
    attention: str | None
    parked_until: datetime | None
    stopped: bool
    paused: bool
    silent_since: datetime | None
    groups_synced_at: datetime | None
    moved_to: str | None
    settings: SettingsView


class GroupView(msgspec.Struct, frozen=True):
    """A group as one session sees it. `refusal`: why WhatsApp refused the last message; the next sync clears it."""

    session_id: str
    group_jid: str
    name: str
    member_count: int
    is_admin: bool
    is_announce: bool
    sendable: bool
    invite_link: str | None
    gone_at: datetime | None
    refused_at: datetime | None
    refusal: str | None


class SyncView(msgspec.Struct, frozen=True):
    """What a sync of groups came to; `ignored` counts entries of the VPS's list that name no group."""

    success: bool
    session_id: str
    groups: int
    community_parents: int
    gone: int
    ignored: int


def session_view(row: SessionRow, verified_at_ms: int | None, now_ms: int) -> SessionView:
    """Return a session as the API shows it."""
    state = row.state
    parked_until_ms = state.parked_until_ms
    parked = parked_until_ms is not None and parked_until_ms > now_ms
    return SessionView(
        session_id=row.session_id,
        tenant=state.tenant or None,
        status=state.status,
        connection=connection_of(state),
        phone_number=state.phone_number,
        sendable=state.may_send(now_ms),
        last_error=state.last_error,
        last_error_at=_time(state.last_error_at_ms),
        last_verified_at=_time(verified_at_ms),
        needs_attention=state.attention is not None,
        attention=state.attention,
        parked_until=_time(parked_until_ms) if parked else None,
        stopped=state.stopped,
        paused=state.paused,
        silent_since=_time(state.silent_since_ms),
        groups_synced_at=_time(state.groups_synced_at_ms),
        moved_to=state.moved_to,
        settings=SettingsView(
            state.limits.daily_cap, state.limits.quiet_from, state.limits.quiet_to, state.limits.timezone
        ),
    )


def connection_of(state: Session) -> str:
    """Return what people read as the state of the connection."""
    if state.status == CONNECTED:
        return "Connected"
    if state.status == "connecting":
        return "Connecting"
    return "Disconnected \N{EN DASH} reconnect needed" if state.status in DOWN else "Not known"


def group_view(row: GroupRow) -> GroupView:
    """Return a group as the API shows it."""
    state = row.state
    return GroupView(
        session_id=row.session_id,
        group_jid=row.group_jid,
        name=state.listing.name,
        member_count=state.member_count,
        is_admin=state.listing.is_admin,
        is_announce=state.listing.is_announce,
        sendable=state.sendable,
        invite_link=state.listing.invite_link,
        gone_at=_time(state.gone_at_ms),
        refused_at=_time(state.refused_at_ms),
        refusal=state.refusal,
    )


def _time(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else to_time(at_ms)
