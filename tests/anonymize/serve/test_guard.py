import asyncio

import pytest

from graphgan.anonymize.serve._guard import HEADERS, Guard, is_loopback, is_own_name

OURS = {"host": "127.0.0.1:8000"}
FROM_PAGE = {**OURS, "origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}


async def application(scope, receive, send):
    headers = [(b"Cache-Control", b"private"), (b"x-own", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"secret"})


def ask(method="GET", path="/", headers=OURS, host="127.0.0.1", kind="http"):
    """Status, headers and body of an answer."""
    sent = []

    async def send(message):
        sent.append(message)

    raw = [(k.encode(), v.encode()) for k, v in headers.items()]
    scope = {"type": kind, "method": method, "path": path, "headers": raw}
    asyncio.run(Guard(application, host)(scope, None, send))
    if not sent:
        return None
    headers = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "127.3.2.1", "[::1]"])
@pytest.mark.parametrize("port", ["", ":8000", ":9999"])  # another port: through a tunnel
def test_a_loopback_server_answers_to_loopback_names(name, port):
    assert ask(headers={"host": name + port})[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@127.0.0.1.evil.example",
        "192.168.1.5",
        "0.0.0.0",
        "",
        "[::1",
        "::1:8000:9",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(name):
    status, _, body = ask(headers={"host": f"{name}:8000" if name else name})
    assert status == 403 and b"secret" not in body and b"by its own name" in body


def test_no_host_at_all_is_refused():
    assert ask(headers={})[0] == 403


@pytest.mark.parametrize(
    ("header", "host", "fine"),
    [
        ("192.168.1.5:8000", "192.168.1.5", True),
        ("192.168.1.5:8000", "0.0.0.0", True),
        ("studio.local:8000", "studio.local", True),
        ("Studio.local.:8000", "studio.local", True),
        ("localhost:8000", "0.0.0.0", True),
        ("[fe80::1]:8000", "::", True),
        ("evil.example:8000", "0.0.0.0", False),
        ("evil.example:8000", "studio.local", False),
    ],
)
def test_a_server_that_was_opened_answers_to_addresses_and_its_name(header, host, fine):
    assert is_own_name(header, host) == fine


@pytest.mark.parametrize(
    ("name", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],
)
def test_what_is_reached_from_this_machine_alone(name, local):
    assert is_loopback(name) == local


def test_photos_come_from_the_page_itself():
    assert ask("POST", "/photos", FROM_PAGE)[0] == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE"])
def test_what_another_page_sends_is_refused(method, changed):
    status, _, body = ask(method, "/photos", {**FROM_PAGE, **changed})
    assert status == 403 and b"secret" not in body
    without = {k: v for k, v in FROM_PAGE.items() if k not in changed or k == "sec-fetch-site"}
    assert ask(method, "/photos", without)[0] == (403 if "origin" in changed else 200)


def test_another_page_may_lead_here_but_fetch_nothing():
    foreign = {**OURS, "sec-fetch-site": "cross-site"}
    assert ask(path="/", headers=foreign)[0] == 200
    assert ask(path="/pictures/person-0", headers=foreign)[0] == 403
    assert ask(path="/pictures/person-0", headers={**OURS, "sec-fetch-site": "none"})[0] == 200


@pytest.mark.parametrize("headers", [OURS, {"host": "evil.example"}])
def test_every_answer_has_the_headers(headers):
    _, got, _ = ask(headers=headers)
    missing = {name for name in HEADERS if name not in got}
    assert not missing
    assert got["cross-origin-resource-policy"] == "same-origin"


def test_a_header_of_the_application_s_own_stays():
    _, got, _ = ask()
    assert (got["cache-control"], got["x-own"]) == ("private", "1")


def test_web_sockets_get_no_answer():
    assert ask(kind="websocket") is None
