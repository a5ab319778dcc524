"""The settings: readable, complete, with keys that nobody guesses, and in proportion to each other."""

from collections.abc import Mapping

from dispatcher.doctor.finding import Finding, ok, warning, wrong
from dispatcher.settings import BadSetting, Settings, known_keys, read, require_serving


def examine(environment: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """Return the settings, if they can be read, and what is to say about them."""
    try:
        settings = read(environment)
    except BadSetting as problem:
        return None, [wrong("settings", str(problem), "`dispatcher settings` lists all, with their meaning")]
    return settings, [*_keys(settings), *_proportions(settings)]


def _keys(settings: Settings) -> list[Finding]:
    try:
        require_serving(settings)
    except BadSetting as problem:
        return [
            wrong("keys", str(problem), "set it: a long random value for a key, as of `openssl rand -hex 24`")
        ]
    keys = known_keys(settings)
    if len({key.digest for key in keys}) < len(keys):
        return [
            wrong(
                "keys", "API_KEYS holds one key twice", "give each tenant a key of its own: the last one wins"
            )
        ]
    tenants = {key.tenant for key in keys}
    return [ok("keys", f"{len(keys)} for {len(tenants)} tenants")]


def _proportions(settings: Settings) -> list[Finding]:
    found = []
    if settings.callback_deadline_s <= settings.vps_timeout_s:
        advice = "make the deadline longer: it runs while the call to the VPS is still under way"
        found.append(warning("settings", "CALLBACK_DEADLINE_S is not longer than VPS_TIMEOUT_S", advice))
    if not settings.send_enabled:
        found.append(warning("settings", "SEND_ENABLED is false: nothing is sent", "set it to true to send"))
    return found or [ok("settings", "complete")]
