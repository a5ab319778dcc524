"""The dispatcher that serves here, if one does."""

import aiohttp
import msgspec

from dispatcher.decoding import UNREADABLE
from dispatcher.doctor.finding import Finding, ok, warning, wrong
from dispatcher.settings import Settings

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # compared with, not listened at


class _Health(msgspec.Struct, frozen=True):
    checks: dict[str, str] = {}


async def examine(settings: Settings, http: aiohttp.ClientSession) -> list[Finding]:
    """Look whether a dispatcher is ready at our own address."""
    host = "127.0.0.1" if settings.api_host in EVERYWHERE else settings.api_host
    url = f"http://{host}:{settings.api_port}"
    try:
        async with http.get(f"{url}/health/ready") as answer:
            ready, health = answer.status == 200, msgspec.json.decode(await answer.read(), type=_Health)
    except (aiohttp.ClientError, TimeoutError):
        return [warning("dispatcher", f"none serves at {url}", "`dispatcher run` starts one")]
    except UNREADABLE:
        return [wrong("dispatcher", f"something else answers at {url}", "choose another API_PORT")]
    if ready:
        return [ok("dispatcher", f"ready at {url}")]
    unwell = ", ".join(f"{name}: {state}" for name, state in health.checks.items() if state != "ok")
    return [wrong("dispatcher", f"not ready at {url} ({unwell})", "its log tells more")]
