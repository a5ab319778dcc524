"""Short HTTP questions to our own children: are you there, are you ready."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

TIMEOUT_SECONDS = 2.0


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever the status."""

    status: int
    body: bytes


def fetch(url: str, headers: Mapping[str, str] | None = None) -> Answer | None:
    """GET an `http://` URL. None when nobody answers (yet)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(
            "GET",
            f"{parts.path}?{parts.query}" if parts.query else parts.path or "/",
            headers=dict(headers or {}),
        )
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def is_ready(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Tell whether a URL answers 200."""
    answer = fetch(url, headers)
    return answer is not None and answer.status == 200
