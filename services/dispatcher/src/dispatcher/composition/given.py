"""What all parts share: the settings, the connections, the clocks, and where fresh ids come from."""

import time
from secrets import token_hex, token_urlsafe
from uuid import uuid4

import msgspec
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatcher.domain.api_key import ENTROPY_BYTES, PREFIX
from dispatcher.domain.backoff import RetryPolicy
from dispatcher.enrolment import Bounds
from dispatcher.handling import Rules
from dispatcher.sending.flight import Clock, Ids, Pace
from dispatcher.sending.vps import Vps
from dispatcher.settings import Settings


class Given(msgspec.Struct, frozen=True):
    """What a part may be handed; `holder` names this process in the leases."""

    settings: Settings
    engine: AsyncEngine
    client: Client
    vps: Vps
    holder: str

    @property
    def rules(self) -> Rules:
        """The settings that decisions depend on."""
        retry = RetryPolicy(self.settings.retry_backoff_s, self.settings.max_attempts)
        return Rules(retry, self.settings.session_park_s, round(self.settings.clock_skew_s * 1000))

    @property
    def bounds(self) -> Bounds:
        """What a campaign may be."""
        settings = self.settings
        return Bounds(settings.max_recipients, settings.media_hosts, settings.schedule_ahead_days)

    @property
    def pace(self) -> Pace:
        """How fast sessions may go."""
        settings = self.settings
        return Pace(
            settings.send_gap_ms / 1000,
            settings.session_lanes,
            settings.callback_deadline_s,
            settings.lease_s,
            settings.sweep_s,
            settings.unknown_burst,
            settings.high_share,
            settings.send_gap_jitter,
        )


CLOCK = Clock(lambda: time.time_ns() // 1_000_000, time.monotonic)


def now_ms() -> int:
    """Return the time, in epoch milliseconds."""
    return CLOCK.now_ms()


def new_message_id() -> str:
    """Return an id as WhatsApp's own clients make them: `3EB0` and 18 hexadecimal digits."""
    return f"3EB0{token_hex(9).upper()}"


IDS = Ids(lambda: str(uuid4()), new_message_id)


def new_api_key() -> str:
    """Return a key of the API: 256 random bits behind a prefix that tells what it is."""
    return f"{PREFIX}{token_urlsafe(ENTROPY_BYTES)}"
