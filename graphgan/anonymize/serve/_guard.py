"""Protect the page from other sites: checks of requests, headers of answers.

Every site that is open in the same browser can reach a page on the loopback address. Three things
keep them out. The name in ``Host`` must be that of this server, against foreign names that point to
this machine (DNS rebinding). Requests that compute anything must come from the page itself, by
``Origin``. And no answer may be embedded or read elsewhere, load anything from elsewhere, or stay
in a cache.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every answer, unless it has its own."""


class Guard:
    """An ASGI application that forwards allowed requests to another one.

    Args:
        app: the application behind it.
        host: the address of the server. A loopback address only takes requests to loopback names;
            any other takes those to ``host`` and to any IP address.
    """

    def __init__(self, app: App, host: str = "127.0.0.1") -> None:
        self.app = app
        self.host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or let the application answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            refused = self.refusal(scope["method"], scope["path"], headers)
            if refused is None:
                await self.app(scope, receive, _with_headers(send))
            else:
                await _refuse(_with_headers(send), refused)
        # Anything else, such as a WebSocket, ends unanswered: the server then refuses it.

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused; None if it is allowed."""
        host = headers.get("host", "")
        if not is_own_name(host, self.host):
            return f"expected a request to this machine by its own name, got Host {host!r}"
        site = headers.get("sec-fetch-site", "none")
        if method in ("GET", "HEAD"):
            if path == "/" or site in ("none", "same-origin"):
                return None
            return f"expected a request of the page itself, got one that is {site}"
        origin = headers.get("origin", "")
        if urlsplit(origin).netloc != host or site not in ("none", "same-origin"):
            return f"expected a request of the page itself, got Origin {origin!r}"
        return None


def is_own_name(header: str, host: str) -> bool:
    """Whether a ``Host`` header names the server that listens on ``host``.

    >>> is_own_name("localhost:8000", "127.0.0.1"), is_own_name("127.0.0.1.evil.org", "127.0.0.1")
    (True, False)
    """
    try:
        name = (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if is_loopback(host):
        return is_loopback(name)
    return name == host.lower() or _address(name) is not None or is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a name or address is only reachable from this machine."""
    address = _address(name)
    return name.lower() == "localhost" if address is None else address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", []))
            names = {name.lower() for name, _ in own}
            added = [
                (k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in names
            ]
            message = {**message, "headers": own + added}
        await send(message)

    return guarded


async def _refuse(send: Send, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [(b"content-type", b"application/json")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
