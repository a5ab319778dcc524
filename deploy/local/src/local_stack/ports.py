"""Free ports on the loopback address, for servers that are started without a given one."""

import random
import socket
from collections.abc import Mapping

from local_stack.children import StartError

LOOPBACK = "127.0.0.1"

LOWEST = 15_000
HIGHEST = 31_999
"""Below the range from which Linux (32768 up) and others (49152 up) take the ports of outgoing connections.
While a server is down, a client that reconnects from inside that range can be given the server's own port,
connect to itself, and so keep the server from coming back."""

LAST = 65_535
ATTEMPTS = 200


VARIABLE = "LOCAL_PORTS"


def ports_of(environment: Mapping[str, str]) -> "PortSource":
    """Return a source of ports from the range that LOCAL_PORTS names, as `15000-31999`, else of all. Two that run at
    the same time should have ranges of their own: the port of a server that is down for a moment looks free.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return PortSource(random.Random())  # noqa: S311 - not a secret
    lowest, _, highest = text.partition("-")
    if not (lowest.isdecimal() and highest.isdecimal() and 0 < int(lowest) <= int(highest) <= LAST):
        raise StartError(f"{VARIABLE}: {text!r} is no range of ports, such as {LOWEST}-{HIGHEST}")
    return PortSource(random.Random(), int(lowest), int(highest))  # noqa: S311 - not a secret


class PortSource:
    """Gives ports that nobody listens on, each once."""

    def __init__(self, draw: random.Random, lowest: int = LOWEST, highest: int = HIGHEST) -> None:
        self._draw = draw
        self._lowest = lowest
        self._highest = highest
        self._given: set[int] = set()

    def next_port(self) -> int:
        """Return a free TCP port. Raises OSError when none of many is free."""
        for _ in range(ATTEMPTS):
            port = self._draw.randint(self._lowest, self._highest)
            if port not in self._given and is_free(port):
                self._given.add(port)
                return port
        raise OSError(f"no free port found between {self._lowest} and {self._highest}")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
