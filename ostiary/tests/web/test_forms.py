"""Forms come from our own pages, in one spelling; anything else is refused before it is used."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import SAME_ORIGIN, page_of

from ostiary.web.forms import MalformedForm, parse_form

FORM = {"token": "none", "lang": "en"}
TYPE = "application/x-www-form-urlencoded"
OWN = "http://127.0.0.1:8000"


async def _post(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await client.post("/email-change", data=FORM, headers=headers)


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=", {"a": ""}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a=%C3%A9\xc3\xa9", {"a": "éé"}),
        (b"%61=%26%3D", {"a": "&="}),
        (b"a=%0a", {"a": "\n"}),
    ],
)
def test_a_well_formed_form_is_its_fields(raw: bytes, fields: dict[str, str]) -> None:
    assert parse_form(raw) == fields


@pytest.mark.parametrize(
    "raw",
    [
        b"a=1&a=2",
        b"a=1&%61=1",
        b"a=1&&b=2",
        b"&",
        b"=1",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%u0041",
        b"a=%ff",
        b"a=\xff",
        b"a=%c0%80",
        b"a=%ed%a0%80",
        b"%ff=a",
    ],
)
def test_a_form_with_two_meanings_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedForm):
        parse_form(raw)


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_a_browser_encodes_comes_back(fields: dict[str, str]) -> None:
    fields = {
        name: value
        for name, value in fields.items()
        if (name + value).encode(errors="ignore").decode() == name + value
    }
    assert parse_form(urlencode(fields).encode()) == fields


@given(st.binary(max_size=300))
def test_no_body_is_more_than_refused(raw: bytes) -> None:
    try:
        fields = parse_form(raw)
    except MalformedForm:
        return
    assert len(fields) <= raw.count(b"&") + 1


@pytest.mark.parametrize(
    "headers",
    [
        SAME_ORIGIN,
        SAME_ORIGIN | {"Origin": "http://localhost:8000"},  # our server by another of its names
        {"Origin": OWN},
    ],
)
async def test_a_form_of_our_own_is_taken(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    # It reaches the rule about the link: there is none.
    response = await _post(client, headers)
    assert response.status_code == 400
    assert "This link does not work" in page_of(response).text


@pytest.mark.parametrize("port", [":80", ""])
@pytest.mark.settings(public_url="http://id.example:80")
async def test_the_scheme_s_own_port_may_be_left_out(client: httpx.AsyncClient, port: str) -> None:
    assert (await _post(client, {"Origin": f"http://id.example{port}"})).status_code == 400
    assert (await _post(client, {"Origin": "http://id.example:8080"})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": f"{OWN}.evil.example"},
        {"Origin": f"http://evil.example, {OWN}"},
        {"Referer": f"{OWN}/email-change"},
        {"Host": "127.0.0.1:8000"},
    ],
)
async def test_a_form_from_anywhere_else_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await _post(client, headers)
    assert response.status_code == 403
    assert "Nothing was done" in page_of(response).text


async def test_two_claims_about_the_origin_are_refused(client: httpx.AsyncClient) -> None:
    for name, values in (("Sec-Fetch-Site", ["same-origin"] * 2), ("Origin", [OWN] * 2)):
        headers = [(name, value) for value in values]
        response = await client.post("/email-change", data=FORM, headers=headers)
        assert response.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": f"{TYPE}; charset=utf-16"},
        {"Content-Type": f"{TYPE}; boundary=x"},
        {"Content-Type": TYPE, "Content-Encoding": "gzip"},
    ],
)
async def test_another_media_type_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/email-change", content=b"a=1", headers=SAME_ORIGIN | headers)
    assert response.status_code == 415
    assert "This did not work" in page_of(response).text


@pytest.mark.parametrize("type", [TYPE, f"{TYPE};charset=UTF-8", TYPE.upper()])
async def test_the_media_type_may_be_spelled_as_rfc_9110_allows(
    client: httpx.AsyncClient, type: str
) -> None:
    headers = SAME_ORIGIN | {"Content-Type": type}
    response = await client.post("/email-change", content=b"token=none", headers=headers)
    assert response.status_code == 400
    assert "This link does not work" in page_of(response).text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("token=a&token=a", 400),
        ("token=%ff", 400),
        ("token=a&role=administrator", 422),
        ("token=a%00b", 422),
        ("token=" + "a" * 1025, 422),
        ("lang=en", 422),
        ("token=a&new_password=", 422),
    ],
)
async def test_a_form_that_is_not_as_we_made_it_is_refused_as_a_page(
    client: httpx.AsyncClient, fields: str, status: int
) -> None:
    headers = SAME_ORIGIN | {"Content-Type": TYPE}
    response = await client.post("/email-change", content=fields, headers=headers)
    assert response.status_code == status
    assert "This did not work" in page_of(response).text


async def test_a_form_over_64_kb_is_refused_as_a_page(client: httpx.AsyncClient) -> None:
    headers = SAME_ORIGIN | {"Content-Type": TYPE}
    body = b"token=" + b"a" * 65_536

    async def unannounced() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1024):
            yield body[start : start + 1024]

    for content in (body, unannounced()):
        response = await client.post("/email-change", content=content, headers=headers)
        assert response.status_code == 413
        assert response.headers["connection"] == "close"
        assert "This did not work" in page_of(response).text
