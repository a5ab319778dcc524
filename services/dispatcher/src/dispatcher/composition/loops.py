"""What runs: the sender, the relay, the consumers, and the processes, each a loop of its own."""

from collections.abc import Mapping
from typing import Any

import msgspec

from contracts import streams
from dispatcher import broker, notifications
from dispatcher.api.keyring import Keyring
from dispatcher.composition.given import CLOCK, IDS, Given, now_ms
from dispatcher.consumers import advisories, commands, deliveries, quarantine
from dispatcher.consumers.batch import Intake
from dispatcher.creation import Clerk
from dispatcher.notifications import Line, Wake
from dispatcher.processes.cancel_queued import Cancelling
from dispatcher.processes.carry_out_orders import Orders
from dispatcher.processes.expire_sends import Expiry
from dispatcher.processes.forget import Forgetting
from dispatcher.processes.inquiry import Inquiry
from dispatcher.processes.redrive_dead import Redrive
from dispatcher.processes.redrive_quarantine import RedriveQuarantine
from dispatcher.processes.start_scheduled import Schedule
from dispatcher.processes.verify_sessions import Rounds
from dispatcher.processes.verify_store import StoreCheck
from dispatcher.processes.watch_silence import Watchdog
from dispatcher.pulse import heard
from dispatcher.relay import Relay
from dispatcher.resting import QUARANTINED, UNCLAIMED
from dispatcher.sending.sender import Sender
from dispatcher.sending.vps import SwitchedOff
from dispatcher.settings import country_codes
from dispatcher.store.api_keys import CHANGED
from dispatcher.store.postgres import APPENDED, WORK
from dispatcher.supervision import Health, Loop, every
from dispatcher.verification import Verification

ROUND_SECONDS = 1.0
"""A session that rests is asked about a second before its time is up."""
SILENCE_LOOKS = 20
"""So often within `SILENCE_S` the watchdog looks: a silence is seen at most a twentieth late."""

CALM_SECONDS = 60.0
"""So long callbacks must have been applied as they came before a session counts as silent."""
FORGET_SECONDS = 3600.0
"""How often what is old enough is forgotten; limits are days."""


class Loops(msgspec.Struct, frozen=True):
    """All loops by their names, and whom a notification, or the word to stop, wakes."""

    by_name: Mapping[str, Loop]
    waiting: Mapping[str, Wake]
    store_check: StoreCheck
    relay: Relay


def build_loops(given: Given, clerk: Clerk, keyring: Keyring, health: Health) -> Loops:
    """Build all that runs."""
    settings = given.settings
    caller = given.vps if settings.send_enabled else SwitchedOff()
    sender = Sender(given.engine, given.rules, caller, given.pace, CLOCK, IDS, given.holder)
    relay = Relay(given.engine, broker.Publisher(given.client), settings.sweep_s, settings.lease_s)
    forgetting = Forgetting(
        given.engine, UNCLAIMED.limit_ms(settings), QUARANTINED.limit_ms(settings), now_ms
    )
    store_check = StoreCheck(given.engine, settings.verify_store_events, health.pulse("verify_store"))
    waiting = {WORK: sender.wake, APPENDED: relay.wake, CHANGED: keyring.wake}
    loops: dict[str, Loop] = {
        "sender": sender.run,
        "relay": relay.run,
        "api_keys": keyring.run,
        "verify_store": every(settings.verify_store_s, store_check.look),
        "forget": every(FORGET_SECONDS, forgetting.forget),
        **_processes(given, health),
        **_rounds(given, health),
        **{intake.durable.name: intake.run for intake in _intakes(given, clerk)},
    }
    if settings.notifications:
        line = Line(settings.database_url, settings.sweep_s, settings.database_timeout_s)
        loops["notifications"] = lambda stop, pulse: notifications.listen(line, waiting, stop, pulse)
    return Loops(loops, waiting, store_check, relay)


def _processes(given: Given, health: Health) -> dict[str, Loop]:
    """Return what looks for work of its kind every `EXPIRY_INTERVAL_S`."""
    settings, engine, rules = given.settings, given.engine, given.rules
    expiry = Expiry(
        engine,
        rules,
        heard(given.vps.look_up, health.pulse("expire_sends")),
        settings.unconfirmed_policy,
        now_ms,
        given.holder,
        settings.ask_again_s,
        settings.clock_skew_s,
    )
    look_up = heard(given.vps.look_up, health.pulse("carry_out_orders"))
    inquiry = Inquiry(engine, look_up, settings.unconfirmed_policy, settings.clock_skew_s)
    orders = Orders(engine, rules, inquiry, now_ms, settings.ask_again_s, settings.verify_patience_s)
    acts = {
        "expire_sends": expiry.settle,
        "carry_out_orders": orders.carry_out,
        "redrive_dead": Redrive(engine, rules, now_ms).carry_out,
        "redrive_quarantine": RedriveQuarantine(engine, broker.Publisher(given.client).publish).publish_part,
        "start_scheduled": Schedule(engine, rules, now_ms).start_due,
        "cancel_queued": Cancelling(engine, rules, now_ms, settings.creation_chunk).cancel,
    }
    return {name: every(settings.expiry_interval_s, act) for name, act in acts.items()}


def _rounds(given: Given, health: Health) -> dict[str, Loop]:
    """Return what looks after sessions."""
    settings = given.settings
    asking = Verification(
        given.engine, given.rules, heard(given.vps.status, health.pulse("verify_sessions")), now_ms
    )
    rounds = Rounds(given.engine, asking, settings.verify_s, now_ms)
    jetstream = given.client.jetstream()
    watchdog = Watchdog(
        given.engine,
        given.rules,
        settings.silence_s,
        now_ms,
        lambda: broker.is_caught_up(jetstream, streams.DISPATCHER_DELIVERIES, 2 * settings.batch_size),
        min(CALM_SECONDS, settings.silence_s),
        pauses=settings.silence_pauses,
    )
    return {
        "verify_sessions": every(min(ROUND_SECONDS, settings.verify_s), rounds.go),
        "watch_silence": every(settings.silence_s / SILENCE_LOOKS, watchdog.look),
    }


def _intakes(given: Given, clerk: Clerk) -> list[Intake[Any]]:
    settings, client, publisher = given.settings, given.client, broker.Publisher(given.client)
    reports = deliveries.Deliveries(given.engine, given.rules, now_ms)
    wishes = commands.Commands(clerk, country_codes(settings), now_ms, given.bounds)
    unreadable = quarantine.Quarantine(given.engine)
    given_up = advisories.Advisories(client.jetstream(), publisher)
    size = settings.batch_size
    return [
        Intake(streams.DISPATCHER_DELIVERIES, deliveries.decode, reports.handle, client, publisher, size),
        Intake(streams.DISPATCHER_COMMANDS, commands.decode, wishes.handle, client, publisher, 1),
        Intake(streams.DISPATCHER_DEAD, quarantine.decode, unreadable.handle, client, publisher, size),
        Intake(streams.DISPATCHER_ADVISORIES, advisories.decode, given_up.handle, client, publisher, 1),
    ]
