"""Each page fits every screen in light and dark: nothing to scroll sideways, nothing too small."""

from pathlib import Path

import pytest
from cli.running import command
from factories import PASSWORD

from browser.conftest import Service
from browser.webdriver import Browser, Scheme

pytestmark = pytest.mark.browser

SCREENS: list[tuple[int, Scheme]] = [
    (width, scheme) for width in (1280, 360, 320) for scheme in ("light", "dark")
]
NEW_PASSWORD = "a new phrase of mine"
TARGET = 44  # CSS pixels; WCAG 2.2, 2.5.5


def _look(browser: Browser, folder: Path, name: str) -> None:
    """Check the page that is open on every screen, and photograph it."""
    for width, scheme in SCREENS:
        browser.show(width=width, scheme=scheme)
        browser.photograph(folder / f"{name}-{width}-{scheme}.png")
        assert browser.page_width() <= width, (name, width)
        for one in browser.all("button, a, input:not([type=hidden], [hidden])"):
            assert one.size[1] >= TARGET, (name, width, one.text or one.name)
            assert one.name.strip(), (name, one)
    browser.show(width=1280, scheme="light")


def test_the_page_that_confirms_an_address(
    service: Service, browser: Browser, photographs: Path
) -> None:
    address, _ = service.sign_up(username="a-user-name-of-fifty-characters-which-is-the-most")
    browser.open(service.link(address, "/verify-email"))
    _look(browser, photographs, "verify-email")
    browser.focused.type("not my password")
    browser.focused.submit()
    _look(browser, photographs, "verify-email-faulty")
    browser.find("a.button").click()
    _look(browser, photographs, "not-me")


def test_the_page_that_resets_a_password(
    service: Service, browser: Browser, photographs: Path
) -> None:
    address, _ = service.sign_up(locale="es")
    service.post("/auth/password/forgot", email=address)
    browser.open(service.link(address, "/reset-password"))
    _look(browser, photographs, "reset-password")
    browser.focused.type("corta")
    browser.focused.submit()
    _look(browser, photographs, "reset-password-faulty")


def test_the_page_that_accepts_an_invitation(
    service: Service, browser: Browser, photographs: Path
) -> None:
    folder = service.letters.parent
    invited = command(
        folder,
        *("user", "invite", "invited@example.com", "--username", "somebody-new"),
        OSTIARY_PUBLIC_URL=service.url,
    )
    assert invited.returncode == 0, invited.stderr
    browser.open(service.link("invited@example.com", "/invitation"))
    _look(browser, photographs, "invitation")
    assert browser.focused.name == "Password"
    browser.focused.type("short")
    browser.focused.submit()
    _look(browser, photographs, "invitation-faulty")
    browser.focused.type(NEW_PASSWORD)
    browser.focused.submit()
    assert "Your account is ready" in browser.text
    assert service.opens("invited@example.com", NEW_PASSWORD)


def test_the_pages_that_change_an_address(
    service: Service, browser: Browser, photographs: Path
) -> None:
    old, bearer = service.sign_up()
    browser.open(service.link(old, "/verify-email"))
    browser.focused.type(PASSWORD)
    browser.focused.submit()
    _look(browser, photographs, "done")
    new = f"somebody.with.a.long.name.and.no.space.in.it.{old}"
    service.post("/auth/email/change", bearer=bearer, new_email=new, password=PASSWORD)
    browser.open(service.link(new, "/email-change"))
    _look(browser, photographs, "email-change")
    browser.find("button").click()
    browser.open(service.link(old, "/email-change/undo"))
    _look(browser, photographs, "email-change-undo")


def test_the_page_that_makes_an_administrator(
    service: Service, browser: Browser, photographs: Path
) -> None:
    start = f"{service.url}/setup?token="
    (link,) = [word for word in service.terminal.split() if word.startswith(start)]
    browser.open(link)
    _look(browser, photographs, "setup")
    assert browser.focused.name == "Email address"
    browser.focused.type("root@example.com")
    browser.find("#password").type("short")
    browser.find("#password").submit()
    _look(browser, photographs, "setup-faulty")
    assert browser.find("#email").value == "root@example.com"
    assert browser.focused.name == "Password"
    browser.focused.type(NEW_PASSWORD)
    browser.focused.submit()
    assert "The administrator is created" in browser.text
    signed_in = service.post("/auth/signin", email="root@example.com", password=NEW_PASSWORD)
    assert signed_in.json()["user"]["role"] == "administrator"


def test_the_page_of_a_link_that_does_not_work(
    service: Service, browser: Browser, photographs: Path
) -> None:
    browser.open(f"{service.url}/verify-email?token=none")
    _look(browser, photographs, "problem")


def test_the_pages_of_a_browser_that_came_by_itself(
    service: Service, browser: Browser, photographs: Path
) -> None:
    browser.open(f"{service.url}/nowhere")
    assert "There is nothing here" in browser.text
    _look(browser, photographs, "nowhere")
    browser.find("a.button").click()
    assert "is running" in browser.text
    _look(browser, photographs, "home")


def test_the_pages_have_our_styles(service: Service, browser: Browser) -> None:
    browser.open(f"{service.url}/setup/done")
    assert browser.find(".brand").style("font-weight") == "700"
    assert browser.find("body").style("background-color") == "rgba(255, 255, 255, 1)"
    browser.show(width=360, scheme="dark")
    assert browser.find("body").style("background-color") == "rgba(20, 23, 26, 1)"
