"""The gateway as the VPS sees it: an address, a key, and an answer for each callback posted there."""

import aiohttp
from yarl import URL

from local_stack.simulator.settings import Target

NO_CONNECTION = "no_connection"
"""What stands in place of a status when there was no answer."""
JSON = "application/json"
UNSAID = ("User-Agent", "Accept", "Accept-Encoding")


class Gateway:
    """Posts callbacks. Not more than `connections` at once; each waits `timeout_s` seconds for its answer."""

    def __init__(self, target: Target, connections: int, timeout_s: float) -> None:
        self.aim(target)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            connector=aiohttp.TCPConnector(limit=connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=UNSAID,
        )

    def aim(self, target: Target) -> None:
        """Post there from now on."""
        self.target = target
        self._urls: dict[str, URL] = {}

    async def post(self, hook: str, body: bytes, key: str, content_type: str = JSON) -> tuple[str, bytes]:
        """Post one callback. Returns the answer's status, or `no_connection`, and its body."""
        headers = {"X-API-Key": key, "Content-Type": content_type}
        try:
            async with self._http.post(self._url(hook), data=body, headers=headers) as response:
                return str(response.status), await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return NO_CONNECTION, b""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _url(self, hook: str) -> URL:
        if hook not in self._urls:
            self._urls[hook] = URL(f"{(self.target.gateway_url or '').rstrip('/')}/webhooks/{hook}")
        return self._urls[hook]
