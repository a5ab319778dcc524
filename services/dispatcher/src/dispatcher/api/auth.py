"""Who calls: a bearer key of a tenant, compared in constant time, at its rate."""

import math
from collections.abc import Callable

import msgspec
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from dispatcher.api.keyring import Keyring, LiveKey
from dispatcher.api.problems import Refusal
from dispatcher.api.rate import RateLimit


class Door(msgspec.Struct, frozen=True):
    """What decides who comes in. `now_ms` is the wall clock, `seconds` one that only goes forward."""

    keyring: Keyring
    limit: RateLimit
    now_ms: Callable[[], int]
    seconds: Callable[[], float]

    def admit(self, authorization: str | None) -> LiveKey:
        """Return the key of an `Authorization` header, and count its use; refuse one that is not known or too fast."""
        scheme, _, presented = (authorization or "").partition(" ")
        key = self.keyring.recognise(presented.strip())
        if key is None or scheme.lower() != "bearer":
            raise Refusal(
                401,
                "a known API key is needed, as Authorization: Bearer <key>",
                code="UNAUTHORIZED",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if wait := self.limit.seconds_to_wait(key.key_id, self.seconds()):
            raise Refusal(
                429,
                "too many requests with this key",
                code="TOO_MANY_REQUESTS",
                headers={"Retry-After": str(math.ceil(wait))},
            )
        self.keyring.note_use(key.key_id, self.now_ms())
        return key


def authentication(door: Door) -> type[AbstractAuthenticationMiddleware]:
    """Return the middleware that lets only known keys through and puts tenant and key on the request."""

    class BearerKey(AbstractAuthenticationMiddleware):
        """Refuses a request without a known key, before its body is read."""

        async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]
            """Return the tenant as the user of the request, and the key's id as how it was let in."""
            _require_text(connection)
            key = door.admit(connection.headers.get("authorization"))
            return AuthenticationResult(user=key.tenant, auth=key.key_id)

    return BearerKey


def _require_text(connection: ASGIConnection) -> None:  # type: ignore[type-arg]
    """Refuse a NUL character in the address: no id and no name holds one, and PostgreSQL takes none."""
    if "\x00" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise Refusal(400, "the address holds a NUL character", code="INVALID_REQUEST")
