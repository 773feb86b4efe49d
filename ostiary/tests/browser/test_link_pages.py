"""Each link, from the mail to the result, in Chromium that runs no JavaScript."""

import pytest
from factories import PASSWORD

from browser.conftest import Service
from browser.webdriver import Browser, browsing

pytestmark = pytest.mark.browser

NEW_PASSWORD = "a new phrase of mine"


def _press(browser: Browser, label: str) -> None:
    buttons = browser.all("button, a.button")
    next(one for one in buttons if one.text == label).click()


def test_no_javascript_runs(browser: Browser) -> None:
    script = "<script>document.body.textContent = 'it runs'</script>"
    browser.open(f"data:text/html,<body>{script}<noscript><p>it does not</p></noscript>")
    assert browser.text == "it does not"


def test_an_address_is_confirmed(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up(username="confirming")
    browser.open(service.link(address, "/verify-email"))
    assert browser.title == "Confirm your email address · Ostiary"
    assert address in browser.text
    assert "confirming" in browser.text
    assert browser.focused.name == "Password"
    browser.focused.type("not my password")
    _press(browser, "Confirm this address")
    assert browser.title.startswith("Error: ")
    assert "This is not the password of this account." in browser.text
    assert browser.focused.name == "Password"
    assert browser.focused.value == ""
    browser.focused.type(PASSWORD)
    browser.focused.submit()
    assert "Your address is confirmed" in browser.text
    assert browser.url == f"{service.url}/verify-email/done?lang=en"
    signed_in = service.post("/auth/signin", email=address, password=PASSWORD).json()
    assert signed_in["user"]["email_verified"] is True


def test_reloading_and_going_back_do_no_harm(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up()
    link = service.link(address, "/verify-email")
    browser.open(link)
    browser.focused.type(PASSWORD)
    browser.focused.submit()
    browser.reload()
    assert "Your address is confirmed" in browser.text
    browser.back()
    assert browser.url == link
    # Some browsers show the form again as it was: it is worth nothing any more.
    if browser.all("#password"):
        browser.find("#password").submit()
    assert "This link does not work" in browser.text
    assert service.opens(address, PASSWORD)


def test_an_account_that_somebody_else_made_is_deleted(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up()
    browser.open(service.link(address, "/verify-email"))
    _press(browser, "This was not me")
    assert browser.title == "Delete this account? · Ostiary"
    assert address in browser.text
    _press(browser, "Keep it")
    assert browser.title == "Confirm your email address · Ostiary"
    assert service.opens(address, PASSWORD)
    _press(browser, "This was not me")
    _press(browser, "Delete the account")
    assert "The account is deleted" in browser.text
    assert not service.opens(address, PASSWORD)


def test_a_password_is_reset(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up()
    assert service.post("/auth/password/forgot", email=address).status_code == 202
    browser.open(service.link(address, "/reset-password"))
    assert address in browser.text
    assert browser.find("input[autocomplete=username]").value == address
    assert browser.focused.name == "New password"
    browser.focused.type("short")
    browser.focused.submit()
    sentence = "The password is too short: it needs at least 8 characters."
    assert browser.text.count(sentence) == 2
    browser.find("a[href='#new_password']").tap()
    assert browser.focused.name == "New password"
    browser.focused.type(NEW_PASSWORD)
    _press(browser, "Save the new password")
    assert "Your password is changed" in browser.text
    assert service.opens(address, NEW_PASSWORD)
    assert not service.opens(address, PASSWORD)


def test_an_address_is_changed_and_changed_back(service: Service, browser: Browser) -> None:
    old, bearer = service.sign_up()
    browser.open(service.link(old, "/verify-email"))
    browser.focused.type(PASSWORD)
    browser.focused.submit()
    new = f"new.{old}"
    body = {"new_email": new, "password": PASSWORD}
    assert service.post("/auth/email/change", bearer=bearer, **body).status_code == 202
    browser.open(service.link(new, "/email-change"))
    assert old in browser.text
    assert new in browser.text
    _press(browser, "Use the new address")
    assert "Your address is changed" in browser.text
    assert service.opens(new, PASSWORD)
    browser.open(service.link(old, "/email-change/undo"))
    _press(browser, "Undo the change")
    assert "The change is undone" in browser.text
    assert service.opens(old, PASSWORD)
    assert not service.opens(new, PASSWORD)


def test_a_form_on_another_site_does_nothing(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up()
    link = service.link(address, "/verify-email")
    token = link.partition("token=")[2]
    browser.open(
        f"data:text/html,<form method=post action={service.url}/verify-email/not-me>"
        f"<input name=token value={token}><button>Win a prize</button></form>"
    )
    _press(browser, "Win a prize")
    assert browser.url == f"{service.url}/verify-email/not-me"
    assert "Nothing was done" in browser.text
    assert service.opens(address, PASSWORD)
    browser.open(link)
    assert browser.title == "Confirm your email address · Ostiary"


def test_a_page_cannot_be_framed(service: Service, browser: Browser) -> None:
    address, _ = service.sign_up()
    link = service.link(address, "/verify-email")
    browser.open(f"data:text/html,<iframe src='{link}'></iframe>")
    browser.post("/frame", id=0)
    assert browser.all("form") == []
    browser.post("/frame", id=None)


def test_a_spanish_reader_gets_spanish(service: Service) -> None:
    address, _ = service.sign_up()
    with browsing(languages="es") as browser:
        browser.open(service.link(address, "/verify-email"))
        assert browser.title == "Confirma tu dirección de correo · Ostiary"
        browser.focused.type(PASSWORD)
        browser.focused.submit()
        assert "Tu dirección está confirmada" in browser.text
