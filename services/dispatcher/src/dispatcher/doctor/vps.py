"""The VPS: reachable, our key fits, and its clock goes as ours, since the look-up compares times."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import aiohttp

from dispatcher.doctor.finding import Finding, judge_clock, ok, warning, wrong
from dispatcher.settings import Settings

DATE_SECONDS = 1.0
"""An HTTP date is cut to the second."""
REFUSED = (401, 403)


async def examine(
    settings: Settings, http: aiohttp.ClientSession, now_ms: Callable[[], int]
) -> list[Finding]:
    """Look at the VPS, without sending anything."""
    url = settings.vps_url.rstrip("/")
    if not url:
        return [wrong("vps", "VPS_URL is not set", "set it, and VPS_API_KEY")]
    try:
        headers = {"X-API-Key": settings.vps_api_key}
        async with http.get(f"{url}/health", headers=headers, allow_redirects=False) as answer:
            status, date = answer.status, answer.headers.get("Date")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        return [wrong("vps", f"{url} cannot be reached ({reason})", "check VPS_URL, and that the VPS runs")]
    return [judge(status), *_clock(date, settings.clock_skew_s, now_ms())]


def judge(status: int) -> Finding:
    """Judge the VPS by what it answered to `/health`."""
    if status in REFUSED:
        return wrong("vps", f"refuses our key ({status})", "check VPS_API_KEY")
    if status >= 500:
        return wrong("vps", f"is unwell ({status})", "look at the VPS's own log")
    if status >= 300:
        return warning("vps", f"answers, but not to /health ({status})", "is VPS_URL the VPS's own address?")
    return ok("vps", "answers")


def _clock(date: str | None, skew_seconds: float, now_ms: int) -> list[Finding]:
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return [warning("vps", "does not tell its time", "see to it that its clock is synchronised (NTP)")]
    ahead = theirs + DATE_SECONDS / 2 - now_ms / 1000
    return [judge_clock("vps", ahead, skew_seconds + DATE_SECONDS)]
