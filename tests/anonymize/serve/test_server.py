"""The server on a real socket."""

import os
import re
import signal
import socket
import threading
import time

import pytest

from graphgan.anonymize import Anonymizer
from graphgan.anonymize.serve import _app as _server
from graphgan.anonymize.serve._app import listening, serve, server_of

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763606060000000040001f61738550000000049454e44ae426082"
)


def talk(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(1 << 16):
            answer += chunk
        return answer


def photo_request(port, length):
    lines = [
        "POST /photos?choice=blur HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        f"Content-Length: {length}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def visit(port, seen):
    """What visitors do while the server runs; at last somebody presses Ctrl-C."""
    try:
        with socket.socket() as other:  # the same port is free on other addresses
            other.bind(("127.0.0.2", port))
        page = f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        seen["page"] = talk(port, page.encode())
        seen["photo"] = talk(port, photo_request(port, len(PNG)) + PNG)
        seen["too large"] = talk(port, photo_request(port, 10**12))
        for _ in range(6):  # more than may wait; all are broken off
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(photo_request(port, 1000) + b"half")
        deadline = time.monotonic() + 30
        while b"200 OK" not in talk(port, photo_request(port, len(PNG)) + PNG):
            assert time.monotonic() < deadline
        seen["afterwards"] = True
    finally:
        os.kill(os.getpid(), signal.SIGINT)


def test_it_serves_until_it_is_interrupted(anonymizer, monkeypatch, capfd):
    """The page, a photo, one that is said to be too large, uploads that are broken off, Ctrl-C."""
    seen, started = {}, []

    def announced(*args, **kwargs):
        print(*args, **kwargs)
        port = int(re.fullmatch(r"open http://127\.0\.0\.1:(\d+)/ in a browser.*", args[0])[1])
        started.append(threading.Thread(target=visit, args=(port, seen)))
        started[0].start()

    monkeypatch.setattr(_server, "print", announced, raising=False)
    serve(anonymizer, port=0)  # comes back after the interrupt
    started[0].join()
    assert seen["page"].startswith(b"HTTP/1.1 200")
    assert b"<h1>Anonymize a photo</h1>" in seen["page"]
    assert b"\r\nserver:" not in seen["page"].lower()
    assert seen["photo"].startswith(b"HTTP/1.1 200") and b'"unmatched": [0]' in seen["photo"]
    assert seen["too large"].startswith(b"HTTP/1.1 413")
    assert seen["afterwards"]
    printed = capfd.readouterr()
    assert printed.out.count("\n") == 1 and printed.err == ""  # no line of any request


@pytest.fixture
def anonymizer():
    return Anonymizer("blur", lambda image: [], recognizer=None)


def test_an_address_that_is_taken_is_one_line(anonymizer):
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as error:
            serve(anonymizer, port=port)
    assert error.value.filename == f"127.0.0.1:{port}"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_of_another_machine_is_one_line(anonymizer, host):
    with pytest.raises(OSError) as error:
        serve(anonymizer, host=host, port=0)
    assert error.value.filename == f"{host}:0"


@pytest.mark.parametrize("port", [-1, 65536])
def test_refuses_a_port_out_of_range(anonymizer, port):
    with pytest.raises(ValueError, match=f"port of 0 to 65535, got {port}"):
        serve(anonymizer, port=port)


def test_refuses_an_empty_host_which_would_be_all(anonymizer):
    with pytest.raises(ValueError, match="expected an address"):
        serve(anonymizer, host="")


def test_requests_are_not_logged_and_proxies_not_believed(anonymizer):
    config = server_of(lambda scope, receive, send: None).config
    assert not config.access_log and not config.proxy_headers and not config.server_header


def test_an_open_address_is_warned_of(anonymizer, monkeypatch, capsys):
    """The server itself is left out: it would run until a signal."""
    import uvicorn

    seen = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: seen.append(sockets))
    serve(anonymizer, host="0.0.0.0", port=0)
    printed = capsys.readouterr()
    assert "everyone who can reach 0.0.0.0" in printed.err and len(seen) == 1
    serve(anonymizer, port=0)
    assert capsys.readouterr().err == ""
