"""The page served to the browsers of this machine, until it is interrupted."""

import contextlib
import socket
import sys
from typing import TYPE_CHECKING

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.serve.app import make_app
from graphgan.anonymize.serve.guard import App, is_loopback
from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from uvicorn import Server

HOST, PORT = "127.0.0.1", 8000


def serve(anonymizer: Anonymizer, *, host: str = HOST, port: int = PORT) -> None:
    """Serve the page of an anonymizer until Ctrl-C; its address is printed.

    Args:
        anonymizer: see `make_app`.
        host: the address to listen on. Any other than a loopback address opens the page to
            everyone who can reach it; a line on stderr then says so.
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
    """A server that logs no request, says nothing of itself and believes no proxy.

    Raises:
        MissingExtraError: uvicorn is not installed.
    """
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
    """A socket that takes connections, so that what is wrong with the address is one error.

    Raises:
        OSError: the address is taken, is unknown, or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        error.filename = f"{host}:{port}"
        raise
