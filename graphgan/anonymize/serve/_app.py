"""The page as a web application, and its server.

Everything is in memory, and a photo lives as long as its request. Nothing is written, cached,
logged or sent elsewhere.
"""

import base64
import contextlib
import hashlib
import json
import math
import re
import secrets
import socket
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._faces import Face
from graphgan.anonymize.serve._choices import Choice, choices_of
from graphgan.anonymize.serve._guard import App, Guard, is_loopback
from graphgan.anonymize.serve._in_memory import MEDIA_TYPES, Anonymized, anonymize_bytes, png_of
from graphgan.data import to_uint8_image
from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

MAX_BYTES = 100_000_000
"""Size limit of a photo file."""

MAX_SECONDS = 120.0
"""Time limit for a photo to arrive, since others wait."""

MAX_WAITING = 4
"""How many photos may be in memory; one of them is processed."""

HOST, PORT = "127.0.0.1", 8000

Part = tuple[str, str, bytes]
"""Part of a form: name, media type, content."""


def make_app(
    anonymizer: Anonymizer,
    *,
    host: str = "127.0.0.1",
    max_bytes: int = MAX_BYTES,
    max_seconds: float = MAX_SECONDS,
) -> Guard:
    """The page of an anonymizer, as an ASGI application.

    ``GET /`` is the page, ``GET /options`` lists the choices, ``GET /pictures/{key}`` shows one of
    them. ``POST /photos?choice={key}`` takes a photo file as its body and answers with a form: the
    part "report" (JSON), "photo" if a face was found, and "before" and "after" for formats that
    browsers do not show. Errors are JSON with one line: 400 for a bad photo, 408 for one that takes
    too long to arrive, 413 for one that is too large, 503 if too many wait.

    Args:
        anonymizer: its method is the first choice.
        host: the address of the server, see `Guard`.
        max_bytes: size limit of a photo file.
        max_seconds: time limit for it to arrive.
    Raises:
        ValueError: a limit that is not above 0.
        MissingExtraError: Starlette is not installed.
    """
    with needs_extra("serve"):
        from starlette.applications import Starlette
        from starlette.routing import Route
    if max_bytes < 1:
        raise ValueError(f"expected max_bytes of at least 1, got {max_bytes}")
    if not max_seconds > 0:
        raise ValueError(f"expected max_seconds above 0, got {max_seconds} seconds")
    pages = _Pages(choices_of(anonymizer), max_bytes, max_seconds)
    routes = [
        Route("/", pages.page),
        Route("/options", pages.options),
        Route("/pictures/{key}", pages.picture),
        Route("/photos", pages.photo, methods=["POST"]),
    ]
    errors: Any = {Exception: _bug}
    return Guard(Starlette(routes=routes, exception_handlers=errors), host)


class _Pages:
    def __init__(self, choices: list[Choice], max_bytes: int, max_seconds: float) -> None:
        from anyio import CapacityLimiter

        self.choices = {choice.key: choice for choice in choices}
        self.max_bytes = max_bytes
        self.max_seconds = max_seconds
        self.one_at_a_time = CapacityLimiter(1)
        self.inside = 0
        self.html = files("graphgan.anonymize.serve").joinpath("page.html").read_text("utf-8")
        self.policy = content_security_policy(self.html)
        self.pictures = {c.key: png_of(to_uint8_image(c.picture)) for c in choices}

    async def page(self, request: "Request") -> "Response":
        from starlette.responses import HTMLResponse

        return HTMLResponse(self.html, headers={"content-security-policy": self.policy})

    async def options(self, request: "Request") -> "Response":
        from starlette.responses import JSONResponse

        choices = self.choices.values()
        return JSONResponse(
            {
                "choices": [{"key": c.key, "label": c.label, "group": c.group} for c in choices],
                "types": sorted(MEDIA_TYPES.values()),
                "max_bytes": self.max_bytes,
            }
        )

    async def picture(self, request: "Request") -> "Response":
        from starlette.responses import Response

        picture = self.pictures.get(request.path_params["key"])
        if picture is None:
            return _error("no such image", 404)
        return Response(picture, media_type="image/png")

    async def photo(self, request: "Request") -> "Response":
        key = request.query_params.get("choice", "")
        if key not in self.choices:
            return _error(f"expected a choice of {', '.join(self.choices)}, got {key!r}", 400)
        if self.inside >= MAX_WAITING:
            return _error("other photos are waiting; try again in a moment", 503)
        self.inside += 1
        try:
            return await self._photo(request, self.choices[key].anonymizer)
        finally:
            self.inside -= 1

    async def _photo(self, request: "Request", anonymizer: Anonymizer) -> "Response":
        from anyio import fail_after
        from anyio.to_thread import run_sync
        from starlette.requests import ClientDisconnect
        from starlette.responses import Response

        try:
            with fail_after(self.max_seconds):
                data = await _body(request, self.max_bytes)
        except ClientDisconnect:
            return _error("the photo was not sent completely", 400)
        except TimeoutError:
            seconds = f"{self.max_seconds:g} seconds"
            return _error(f"the photo took longer than {seconds} to arrive", 408)
        if data is None:
            megabytes = self.max_bytes / 1e6
            return _error(f"too large: expected a file of {megabytes:g} MB at most", 413)
        try:
            done = await run_sync(anonymize_bytes, anonymizer, data, limiter=self.one_at_a_time)
        except ValueError as error:
            return _error(str(error), 400)
        body, media_type = _form_data(_parts(done, anonymizer))
        return Response(body, headers={"content-type": media_type})


def content_security_policy(html: str) -> str:
    """Let the page run only its own script and style, and talk only to its own server."""
    script, style = (
        " ".join(map(_hash, re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)))
        for tag in ("script", "style")
    )
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; "
        "img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def _body(request: "Request", max_bytes: int) -> bytes | None:
    """The body of a request; None if it is too long."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > max_bytes:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)


def _parts(done: Anonymized, anonymizer: Anonymizer) -> list[Part]:
    report = {
        "format": done.format,
        "size": done.size,
        "frames": done.frames,
        "unmatched": done.unmatched,
        "notes": done.notes,
        "threshold": anonymizer.threshold,
        "recognizer": None if anonymizer.recognizer is None else anonymizer.recognizer.name,
        "faces": [_face(face) for face in done.faces],
    }
    parts = [("report", "application/json", json.dumps(report, allow_nan=False).encode())]
    if done.file is not None:
        parts.append(("photo", MEDIA_TYPES[done.format], done.file))
    if done.previews is not None:
        for name, preview in zip(("before", "after"), done.previews, strict=True):
            parts.append((name, "image/png", preview))
    return parts


def _form_data(parts: list[Part]) -> tuple[bytes, str]:
    """The parts as ``multipart/form-data`` (RFC 7578), which browsers take apart, and its type."""
    boundary = secrets.token_hex(16)  # no photo holds it
    out = []
    for name, media_type, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        head = f"--{boundary}\r\n{head}Content-Type: {media_type}\r\n\r\n"
        out += [head.encode("ascii"), content, b"\r\n"]
    body = b"".join([*out, f"--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"


def _face(face: Face) -> dict[str, Any]:
    measured = face.distance is not None and math.isfinite(face.distance)
    return {**face._asdict(), "distance": face.distance if measured else None}


def _error(line: str, status: int) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse({"error": " ".join(line.split())}, status)


def _bug(request: "Request", error: Exception) -> "Response":
    """Starlette raises the error again afterwards: the server's window shows where it was."""
    return _error(f"the server failed: {type(error).__name__}", 500)


def serve(anonymizer: Anonymizer, *, host: str = HOST, port: int = PORT) -> None:
    """Serve the page of an anonymizer until Ctrl-C; prints its address.

    Args:
        anonymizer: see `make_app`.
        host: the address to listen on. Any other than a loopback address opens the page to
            everyone who can reach it, and prints a warning.
        port: 0 takes a free one.
    Raises:
        ValueError: no host, or a port out of range.
        OSError: the address is taken, or is not this machine's.
        MissingExtraError: Starlette or uvicorn is not installed.
    """
    if not host:
        raise ValueError("expected an address to listen on, got an empty one")
    if not 0 <= port < 2**16:
        raise ValueError(f"expected a port of 0 to 65535, got {port}")
    app = make_app(anonymizer, host=host)
    with listening(host, port) as connection:
        name = f"[{host}]" if ":" in host else host
        if not is_loopback(host):
            print(
                f"warning: everyone who can reach {name} can open this page, and photos travel "
                "to it unencrypted",
                file=sys.stderr,
            )
        address = f"http://{name}:{connection.getsockname()[1]}/"
        print(f"open {address} in a browser; Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server_of(app).run(sockets=[connection])


def server_of(app: App) -> "Server":
    """A server that logs no requests, reveals no version and trusts no proxy."""
    with needs_extra("serve"):
        from uvicorn import Config, Server
    return Server(
        Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A listening socket, so that a wrong address is one clear error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        error.filename = f"{host}:{port}"
        raise
