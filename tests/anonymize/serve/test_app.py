"""What the page's application answers, on a real face."""

import email
import io
import json
import re
import threading

import anyio
import httpx
import numpy as np
import pytest
from no_files import no_file_may_grow
from photo_metadata import photo_metadata_of
from photo_samples import ICC, png_of_zeros, saved
from PIL import Image
from starlette.testclient import TestClient

from graphgan.anonymize import Anonymizer, drawn_conditions
from graphgan.anonymize.serve._app import MAX_WAITING, content_security_policy, make_app
from graphgan.faces import FaceFinder

ADDRESS = "http://127.0.0.1:8000"
LIMIT = 400_000


@pytest.fixture(scope="module")
def app(shown):
    return make_app(shown, max_bytes=LIMIT)


@pytest.fixture(scope="module")
def client(app):
    return TestClient(app, base_url=ADDRESS, headers={"origin": ADDRESS})


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def send(client, data, choice="pixelate"):
    return client.post("/photos", params={"choice": choice}, content=data)


def parts_of(response):
    assert response.status_code == 200, response.text
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + response.content)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in message.get_payload()
    }
    contents = {name: part.get_payload(decode=True) for name, part in parts.items()}
    return json.loads(contents.pop("report")), contents, parts


def test_the_page_is_one_file_that_asks_for_nothing_foreign(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert not re.findall(r"(?:src|href|url|import)\W{1,3}https?:", page.text)
    assert "style=" not in page.text and not re.findall(r"\son\w+=", page.text)
    assert page.text.count("<script") == page.text.count("<style") == 1


def test_the_policy_lets_the_page_s_own_script_and_style_run_and_nothing_else(client):
    policy = client.get("/").headers["content-security-policy"]
    assert policy == content_security_policy(client.get("/").text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    for rest in ("form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rest in policy
    assert content_security_policy("<script>1</script>") != content_security_policy(
        "<script>2</script>"
    )


def test_options_and_their_pictures(client):
    options = client.get("/options").json()
    assert options["max_bytes"] == LIMIT and "image/tiff" in options["types"]
    keys = [choice["key"] for choice in options["choices"]]
    assert keys == ["anyone", "person-0", "person-1", "pixelate", "blur", "solid"]
    for key in keys:
        picture = client.get(f"/pictures/{key}")
        assert picture.headers["content-type"] == "image/png"
        assert opened(picture.content).shape == (128, 128, 3)
    assert client.get("/pictures/person-9").status_code == 404


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_photo_comes_back_in_its_format_with_another_face(client, portrait, file_format):
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    given = saved(portrait, file_format, exif=exif, icc_profile=ICC, quality=95)
    with no_file_may_grow():
        response = send(client, given, "person-1")
    report, contents, parts = parts_of(response)
    assert parts["photo"].get_content_type() == f"image/{file_format.lower()}"
    assert photo_metadata_of(contents["photo"]) == [] and b"a secret" not in contents["photo"]
    (face,) = report["faces"]
    assert report["format"] == file_format and report["size"] == [256, 256]
    assert report["threshold"] == 0.66 and report["recognizer"] == "dlib-resnet"
    assert face["distance"] > 0.66 and face["condition"] in ("drawn-1", None)
    left, top, right, bottom = map(int, face["box"])
    changed = (abs(opened(given) - opened(contents["photo"])) > 16).any(-1)
    assert changed[top:bottom, left:right].mean() > 0.5 and changed.mean() < 0.5


@pytest.mark.parametrize("choice", ["anyone", "person-0", "pixelate", "blur", "solid"])
def test_every_choice_replaces_the_face(client, portrait, choice):
    report, contents, _ = parts_of(send(client, saved(portrait, "PNG"), choice))
    (face,) = report["faces"]
    assert "photo" in contents
    if choice == "person-0":
        assert face["condition"] == "drawn-0" or face["method"] == "pixelate"
    elif choice != "anyone":
        assert face["method"] == choice or face["remarks"]


def test_a_face_that_is_too_small_for_a_person_is_covered_and_the_page_is_told(shown, portrait):
    app = make_app(Anonymizer(shown.method, FaceFinder(), drawn_conditions(2)))
    client = TestClient(app, base_url=ADDRESS, headers={"origin": ADDRESS})
    photo = Image.new("RGB", (200, 150), (120, 120, 120))
    photo.paste(portrait.resize((48, 48)), (80, 50))
    report, contents, _ = parts_of(send(client, saved(photo, "PNG"), "anyone"))
    (face,) = report["faces"]
    assert (face["method"], face["condition"], face["reason"]) == ("pixelate", None, "too small")
    assert "photo" in contents


def test_a_photo_that_browsers_do_not_show_has_previews(client, portrait):
    _, contents, parts = parts_of(send(client, saved(portrait, "TIFF")))
    assert list(contents) == ["photo", "before", "after"]
    assert parts["before"].get_content_type() == "image/png"
    assert np.array_equal(opened(contents["before"]), np.asarray(portrait).astype(int))
    assert np.array_equal(opened(contents["after"]), opened(contents["photo"]))


def test_without_a_face_there_is_nothing_to_take(client):
    report, contents, _ = parts_of(send(client, saved(Image.new("RGB", (50, 40)), "PNG")))
    assert report["faces"] == [] and report["unmatched"] == [0] and contents == {}


@pytest.mark.parametrize(
    ("data", "status", "line"),
    [
        (b"", 400, "the file is empty"),
        (b"no picture", 400, "not an image"),
        (saved(Image.new("RGB", (90, 90)), "PNG")[:90], 400, "cut short|cannot be decoded"),
        (png_of_zeros(16, 2), 400, "16-bit color, which would be cut to 8"),
        (bytes(LIMIT + 1), 413, "too large: expected a file of 0.4 MB at most"),
    ],
)
def test_bad_photos_are_one_clear_line(client, data, status, line):
    answer = send(client, data)
    assert answer.status_code == status
    assert re.search(line, answer.json()["error"]) and "\n" not in answer.json()["error"]


def test_a_photo_that_does_not_say_how_large_it_is_is_stopped_at_the_limit(client):
    sent = []

    def chunks():
        for _ in range(100):
            sent.append(1)
            yield bytes(LIMIT // 8)

    assert send(client, chunks()).status_code == 413


def test_an_unknown_choice_names_the_known_ones(client, portrait):
    answer = send(client, saved(portrait, "PNG"), "glitter")
    assert answer.status_code == 400 and "person-1, pixelate" in answer.json()["error"]


def test_others_are_kept_out(app, client, portrait):
    data = saved(portrait, "PNG")
    bare = TestClient(app, base_url=ADDRESS)
    assert bare.get("/").status_code == 200
    assert send(bare, data).status_code == 403
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        answer = client.post("/photos?choice=blur", content=data, headers=headers)
        assert answer.status_code == 403 and "expected a request" in answer.json()["error"]
    assert client.get("/options", headers={"host": "evil.example"}).status_code == 403


def test_no_answer_stays_in_a_cache(client, portrait):
    answers = [client.get(path) for path in ("/", "/options", "/pictures/blur", "/nothing")]
    answers += [send(client, b""), send(client, saved(portrait, "PNG"))]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers and "etag" not in answer.headers
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


class Waiting:
    """A detector that finds nothing when it is told to, and counts who is inside."""

    def __init__(self):
        self.go = threading.Event()
        self.inside = self.most = 0

    def __call__(self, image):
        self.inside += 1
        self.most = max(self.most, self.inside)
        assert self.go.wait(30)
        self.inside -= 1
        return []


def test_one_photo_at_a_time_while_the_page_stays_alive():
    detector = Waiting()
    app = make_app(Anonymizer("solid", detector, recognizer=None))
    data = saved(Image.new("RGB", (20, 20)), "PNG")
    answers = []

    async def visit():
        transport = httpx.ASGITransport(app)
        async with (
            httpx.AsyncClient(
                transport=transport, base_url=ADDRESS, headers={"origin": ADDRESS}, timeout=60
            ) as client,
            anyio.create_task_group() as group,
        ):

            async def post():
                answers.append(
                    (await client.post("/photos?choice=solid", content=data)).status_code
                )

            for _ in range(MAX_WAITING):
                group.start_soon(post)
            try:
                with anyio.fail_after(30):
                    while not detector.inside:
                        await anyio.sleep(0.01)
                assert (await client.get("/")).status_code == 200
                await post()
                assert answers == [503] and detector.inside == 1
            finally:
                detector.go.set()
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            answer = await client.post(
                "/photos?choice=solid", content=data, headers={"origin": ADDRESS}
            )
            answers.append(answer.status_code)

    anyio.run(visit)
    assert answers == [503] + [200] * (MAX_WAITING + 1)
    assert detector.most == 1


def test_a_photo_that_does_not_arrive_gives_its_place_away():
    app = make_app(Anonymizer("solid", lambda image: [], recognizer=None), max_seconds=0.2)

    async def drops():
        yield b"the beginning"
        await anyio.sleep(60)

    async def visit():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            with anyio.fail_after(20):
                return await client.post(
                    "/photos?choice=solid", content=drops(), headers={"origin": ADDRESS}
                )

    answer = anyio.run(visit)
    assert answer.status_code == 408
    assert answer.json() == {"error": "the photo took longer than 0.2 seconds to arrive"}


def test_a_bug_is_a_line_too():
    def broken(image):
        raise RuntimeError("a secret place")

    app = make_app(Anonymizer("solid", broken, recognizer=None))
    client = TestClient(app, ADDRESS, raise_server_exceptions=False, headers={"origin": ADDRESS})
    answer = send(client, saved(Image.new("RGB", (20, 20)), "PNG"), "solid")
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed: RuntimeError"}
    assert answer.headers["cache-control"] == "no-store"


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="max_bytes of at least 1, got 0"):
        make_app(Anonymizer("solid", lambda image: [], recognizer=None), max_bytes=0)
    with pytest.raises(ValueError, match="expected max_seconds above 0, got 0"):
        make_app(Anonymizer("solid", lambda image: [], recognizer=None), max_seconds=0.0)
