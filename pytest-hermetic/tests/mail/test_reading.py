"""The link and the code a person would take from a mail, and none a person would not."""

from __future__ import annotations

import pytest

from pytest_hermetic.mail import Message
from pytest_hermetic.mail.reading import text_of_html


def mail(text: str = "", html: str = "") -> Message:
    return Message(from_="shop@example.com", to=("ada@example.com",), text=text, html=html)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Your code is 123456.", "123456"),
        ("Your code is 123456, valid for 10 minutes until 12:30 on 24.12.2030.", "123456"),
        ("Enter 4821 to go on", "4821"),
        ("Code: 123 456", "123456"),
        ("Code: 1234-5678\n", "12345678"),
        ("482913 ist dein Code (gilt 15 Minuten)", "482913"),
        ("Dear customer 77001234,\n\n    482913\n\nThe Shop, 12345 Berlin", "482913"),
        ("Order 55667788 was placed.\nYour one-time code: 482913", "482913"),
        ("Tu código: 482913. Pedido del año 2029.", "482913"),
        ("https://shop.example/verify/998877?code=112233 or type 482913", "482913"),
        ("Call +49 30 1234567 or write to 4711@example.com. PIN 9021", "9021"),
        ("You pay 1,234.50 € or $1234 today. Code 8844", "8844"),
        ("Your code is AB12-CD34", "AB12CD34"),
        ("Your code is K7Q2M9.", "K7Q2M9"),
        ("© 2030 Shop Ltd.\n482913", "482913"),
        ("The code 482913, again: 482913", "482913"),
    ],
)
def test_a_code_is_found(text: str, code: str) -> None:
    assert mail(text).code == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No code today, call +49 30 1234567.",
        "https://shop.example/verify/123456",
        "Invoice INV-2030-001 of 2030-12-24",
        "Codes: 123456 or 654321",
        "ALL CAPITALS HERE",
        "123",
        "123456789012",
    ],
)
def test_no_code_is_made_up(text: str) -> None:
    with pytest.raises(LookupError, match="code"):
        _ = mail(text).code


def test_the_error_shows_the_candidates_and_the_mail() -> None:
    with pytest.raises(LookupError, match=r"(?s)one of 123456, 654321\?.*Codes: 123456 or 654321"):
        _ = mail("Codes: 123456 or 654321").code


def test_a_code_in_html_only() -> None:
    html = (
        "<html><head><title>Shop 9999</title><style>p{width:123456px}</style></head>"
        "<body><p>Hello 77001234</p><table><tr><td><h1> 482 913 </h1></td></tr></table>"
        "<script>var a = 112233;</script><a href='https://x.example/556677'>here</a></body></html>"
    )
    assert mail(html=html).code == "482913"
    assert mail(text="See the HTML part.", html=html).code == "482913"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Go to https://shop.example/v?t=a.b-c_d&u=1.", ["https://shop.example/v?t=a.b-c_d&u=1"]),
        ("(see https://shop.example/a_(b))", ["https://shop.example/a_(b)"]),
        ("<https://shop.example/x>, 'http://other.example'!", None),
        ("https://shop.example/1 https://shop.example/2 https://shop.example/1", None),
        ("no link: shop.example, ftp://shop.example", []),
    ],
)
def test_links_in_text(text: str, links: list[str] | None) -> None:
    wanted = {
        "<https": ["https://shop.example/x", "http://other.example"],
        "https:": ["https://shop.example/1", "https://shop.example/2"],
    }
    assert mail(text).links == (wanted[text[:6]] if links is None else links)


def test_links_in_html() -> None:
    html = (
        '<a href="https://shop.example/v?a=1&amp;b=2">x</a> <a href="mailto:a@example.com">m</a>'
        '<a href="#top">t</a><a href="shop-app://verify/1">app</a><a name="n">n</a>'
        '<img src="https://shop.example/pixel.gif"><area href=" https://shop.example/map ">'
    )
    assert mail("https://shop.example/v?a=1&b=2", html).links == [
        "https://shop.example/v?a=1&b=2",
        "shop-app://verify/1",
        "https://shop.example/map",
    ]


def test_html_as_a_person_sees_it() -> None:
    assert text_of_html("<p>Grüße &amp; K&uuml;sse</p><div>one<br>two  <b>three</b></div>").split(
        "\n"
    ) == ["", "Grüße & Küsse", "", "one", "two three", ""]
