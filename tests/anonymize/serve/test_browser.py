"""The page in a real browser: dropped, looked at, downloaded, and nothing left or sent away."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
from chromium import PATH, REBOUND, Chromium, wait_until
from PIL import Image

from graphgan.anonymize.photos.leftovers import leftovers
from graphgan.anonymize.serve.app import make_app
from graphgan.anonymize.serve.in_memory import png_of
from graphgan.anonymize.serve.server import listening, server_of
from graphgan.data.batches import to_uint8_image

pytestmark = pytest.mark.skipif(PATH is None, reason="needs Chromium (Debian: chromium)")

LIMIT = 500_000
DONE = "document.getElementById('status').textContent.startsWith('Done')"
FAILED = "document.getElementById('error').textContent"
SHOWN = "[...document.querySelectorAll('#pair img')].every(i => i.complete && i.naturalWidth > 9)"


@contextmanager
def served(app):
    """The application on a free port, by a thread."""
    with listening("127.0.0.1", 0) as connection:
        server = server_of(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [connection]})
        thread.start()
        yield connection.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(shown):
    with served(make_app(shown, max_bytes=LIMIT)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser, address):
    browser.events.clear()
    browser.resize(1200, 900)
    browser.open(address)
    browser.wait("document.querySelectorAll('.choice').length === 6")
    return browser


@pytest.fixture(scope="module")
def photos(tmp_path_factory, portrait):
    folder = tmp_path_factory.mktemp("photos")
    portrait.save(folder / "face.png")
    portrait.save(folder / "face.tif")
    Image.new("RGB", (80, 60), (90, 90, 90)).save(folder / "none.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (folder / "large.png").write_bytes(bytes(LIMIT + 1))
    return folder


def submit(page, photo, choice, until=DONE):
    page.choose_file("#file", photo)
    chosen = f"document.getElementById('chosen').textContent.includes('{photo.name}')"
    page.wait(f"{chosen} && document.getElementById('result').hidden")
    page.click(f"input[value={choice}]")
    page.click("#go")
    page.wait(until)


def text(page, selector):
    return page.run(f"document.querySelector('{selector}').innerText")


def changed_in(before, after):
    pair = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (before, after)]
    return (abs(pair[0] - pair[1]) > 16).any(-1)


def downloaded(page, folder, name):
    page.download_to(folder)
    page.click("#download")
    wait_until((folder / name).exists)
    return folder / name


def test_a_photo_from_the_file_dialog_is_shown_before_and_after(page, photos, tmp_path):
    submit(page, photos / "face.png", "person-1")
    assert text(page, "#result-title") == "1 face replaced"
    assert page.wait(SHOWN)
    assert page.run("[...document.querySelectorAll('#pair img')].every(i => i.alt)")
    faces = text(page, "#faces")
    assert "Shown as drawn-1" in faces or "Mosaic" in faces
    assert "Distance 0." in faces and "taken for somebody else" in faces
    assert "Above 0.66 (the mark) it takes it for somebody else" in text(page, "#distance-note")
    result = downloaded(page, tmp_path, "anonymised.png")
    assert leftovers(result) == []
    changed = changed_in(photos / "face.png", result)
    left, top, right, bottom = page.run(
        """(() => {
            const place = document.querySelector(".place").style;
            return [place.left, place.top, place.right, place.bottom].map(parseFloat);
        })()"""
    )
    face = changed[int(2.56 * top) : int(256 - 2.56 * bottom), int(2.56 * left) :]
    assert face[:, : int(256 - 2.56 * (left + right))].mean() > 0.7
    assert changed.mean() < 0.5


def test_a_dropped_photo_is_taken_wherever_it_falls(page, photos):
    for place in (".drop", "h1"):
        page.drop_file(place, photos / "face.png")
        page.wait("document.getElementById('chosen').textContent.includes('face.png')")
        page.click("input[value=pixelate]")
        page.click("#go")
        page.wait(DONE)
        assert page.wait(SHOWN)
        assert "Mosaic" in text(page, "#faces")
        page.drop_file("h1", photos / "none.png")
        page.wait("document.getElementById('result').hidden")  # of another photo


def test_a_photo_that_the_browser_cannot_show_is_shown_all_the_same(page, photos, tmp_path):
    submit(page, photos / "face.tif", "blur")
    assert page.wait(SHOWN)
    result = downloaded(page, tmp_path, "anonymised.tif")
    assert Image.open(result).format == "TIFF"
    assert 0.02 < changed_in(photos / "face.tif", result).mean() < 0.3


def test_without_a_face_nothing_can_be_taken(page, photos):
    submit(page, photos / "none.png", "pixelate")
    assert text(page, "#result-title") == "No face was found"
    assert "nothing to download" in text(page, "#advice")
    hidden = "['take', 'after-figure'].every(id => !document.getElementById(id).offsetParent)"
    assert page.run(hidden)
    assert page.run("document.getElementById('download').hasAttribute('href')") is False


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("broken.jpg", "broken.jpg: cannot be decoded"),
        ("large.png", "large.png: too large: 500 kB at most"),
    ],
)
def test_what_is_wrong_with_a_photo_is_one_line(page, photos, name, line):
    submit(page, photos / "face.png", "pixelate")
    submit(page, photos / name, "pixelate", until=FAILED)
    assert line in text(page, "#error") and "\n" not in text(page, "#error")
    assert page.run("document.getElementById('result').hidden")
    assert page.run("document.getElementById('status').textContent") == ""


def test_the_keyboard_is_enough(page, photos):
    page.choose_file("#file", photos / "face.png")
    reached = []
    for _ in range(4):
        page.press("Tab", 9)
        reached.append(page.run("document.activeElement.id || document.activeElement.value"))
    assert reached[:3] == ["file", "anyone", "go"]
    page.run("document.querySelector('input[value=anyone]').focus()")
    page.press("ArrowRight", 39)
    assert page.run("document.querySelector(':checked').value") == "person-0"
    page.press("Enter", 13, "\r")
    page.wait(DONE)
    assert page.run("document.activeElement.id") == "result-title"


def test_everything_has_a_name_for_those_who_do_not_see_it(page, photos):
    submit(page, photos / "face.png", "solid")
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    named = {}
    for node in tree:
        if not node["ignored"]:
            named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value"))
    assert all(all(named[role]) for role in ("radio", "button", "link", "heading", "list"))
    assert "Another person, in the same pose and expression" in named["group"]
    assert {name for name in named["image"] if name} == {
        "The photo as it was",
        "The photo with its faces replaced",
        "Face 1 before",
        "Face 1 after",
    }
    assert named["radio"] == ["Anyone", "drawn-0", "drawn-1", "Mosaic", "Blur", "Black"]
    assert len(named["status"]) == len(named["alert"]) == 1


def test_the_page_fits_its_width(page, photos):
    submit(page, photos / "face.png", "anyone")
    for width in (1200, 400, 320):
        page.resize(width, 800)
        assert page.run("document.documentElement.scrollWidth") <= width
        assert page.run("document.querySelector('#go').getBoundingClientRect().right") <= width


def test_nothing_leaves_the_page_and_nothing_stays(address, photos, shown, tmp_path):
    """In a browser of its own, whose profile is searched after it has ended."""
    profile = tmp_path / "profile"
    browser = Chromium(profile)
    try:
        browser.open(address)
        browser.wait("document.querySelectorAll('.choice').length === 6")
        submit(browser, photos / "face.png", "person-0")
        assert browser.wait(SHOWN)
        result = downloaded(browser, tmp_path / "taken", "anonymised.png").read_bytes()
        requested = browser.requested()
        own = ("data:image/svg+xml,", f"{address}/", f"blob:{address}/")
        assert f"{address}/photos?choice=person-0" in requested
        assert [url for url in requested if not url.startswith(own)] == []
        assert browser.complaints() == []
        stored = browser.run(
            """(async () => [
                localStorage.length, sessionStorage.length, document.cookie.length,
                (await indexedDB.databases()).length, (await caches.keys()).length,
                (await navigator.serviceWorker.getRegistrations()).length,
            ])()"""
        )
        assert stored == [0] * 6
    finally:
        browser.close()
    given = (photos / "face.png").read_bytes()
    person = png_of(to_uint8_image(shown.order.conditions[0].image))
    kept = [path for path in profile.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        content = path.read_bytes()
        assert not [photo for photo in (given, result, person) if photo[5000:5040] in content], path


async def blank(scope, receive, send):
    headers = [(b"content-type", b"text/html")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<!doctype html><title>Other</title>"})


PNG_OF_A_PAGE = """new Promise(done => {
    const canvas = document.createElement("canvas");
    canvas.toBlob(body => fetch("%s/photos?choice=blur", {method: "POST", body, mode: "no-cors"})
        .then(answer => done(answer.type), error => done("error")));
})"""


def test_another_page_of_the_same_browser_gets_nothing(browser, address, detector):
    with served(blank) as port:
        for name in ("localhost", "127.0.0.1"):  # another site, and another port
            browser.open(f"http://{name}:{port}/")
            browser.wait("document.title === 'Other'")
            asked = detector.count
            assert browser.run(PNG_OF_A_PAGE % address) == "error"
            assert detector.count == asked
            shown = browser.run(
                f"""new Promise(done => {{
                    const image = new Image();
                    image.onload = () => done(true);
                    image.onerror = () => done(false);
                    image.src = "{address}/pictures/person-0";
                }})"""
            )
            assert shown is False


def test_the_page_itself_may_do_so(page, address, detector):
    """So the test above says something."""
    asked = detector.count
    assert page.run(PNG_OF_A_PAGE % address) == "basic"
    assert detector.count == asked + 1


def test_a_foreign_name_that_points_to_this_machine_is_refused(browser, address):
    browser.open(f"http://{REBOUND}:{address.rpartition(':')[2]}/")
    assert "by its own name" in browser.wait("document.body.innerText")
    assert browser.run("document.title") == ""
