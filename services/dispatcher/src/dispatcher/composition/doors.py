"""What is served: the API for operators, and the routes that tell how this process fares."""

from collections.abc import Sequence
from uuid import uuid4

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from dispatcher.api.auth import Door
from dispatcher.api.desk import Ages, Desk
from dispatcher.api.key_desk import KeyDesk
from dispatcher.api.keyring import Keyring
from dispatcher.api.rate import RateLimit
from dispatcher.api.server import build_api
from dispatcher.api.session_desk import SessionDesk
from dispatcher.composition.given import CLOCK, Given, new_api_key, now_ms
from dispatcher.creation import Clerk
from dispatcher.directory import Directory
from dispatcher.moving import Moving
from dispatcher.resting import LONG_PAUSED, UNFINISHED, UNMATCHED
from dispatcher.settings import country_codes
from dispatcher.verification import Verification


def build_doors(
    given: Given,
    clerk: Clerk,
    verification: Verification,
    keyring: Keyring,
    own_routes: Sequence[HTTPRouteHandler],
) -> Litestar:
    """Build the API; `own_routes` tell of this process."""
    settings, engine, rules = given.settings, given.engine, given.rules
    return build_api(
        Desk(
            engine,
            clerk,
            country_codes(settings),
            now_ms,
            uuid4,
            given.vps.status,
            given.bounds,
            Ages(*(state.limit_ms(settings) for state in (UNMATCHED, UNFINISHED, LONG_PAUSED))),
        ),
        SessionDesk(
            engine,
            rules,
            given.vps,
            verification,
            Directory(engine, rules, now_ms),
            Moving(engine, rules, now_ms),
            now_ms,
        ),
        KeyDesk(engine, keyring, now_ms, uuid4, new_api_key),
        Door(keyring, RateLimit(settings.api_rate_per_s), CLOCK.now_ms, CLOCK.monotonic),
        settings.max_body_mb << 20,
        settings.body_timeout_s,
        own_routes,
    )
