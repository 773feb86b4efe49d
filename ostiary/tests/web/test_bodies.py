"""A body is one JSON value in UTF-8, no member repeated, at most 32 levels deep, or refused."""

import json
from typing import Any

import httpx
import pytest
from factories import problem, signup_body

from ostiary.kernel.problems import MalformedJson
from ostiary.web.bodies import parse_json

URL = "/api/v1/auth/signup"
JSON = {"Content-Type": "application/json"}


def _nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, true, null, "\\u00e9"]} ', {"a": [1, 2.5, True, None, "é"]}),
        ('{"a": "é€👩"}'.encode(), {"a": "é€👩"}),
        (b'{"a": {"b": 1}, "b": {"b": 1}}', {"a": {"b": 1}, "b": {"b": 1}}),
        (b'{"a": "' + b"[{" * 500 + b'"}', {"a": "[{" * 500}),
        (b'{"a": "' + b'\\"[' * 100 + b'"}', {"a": '"[' * 100}),
        (b"[" + b"[]," * 1000 + b"[]]", [[]] * 1001),
    ],
)
def test_a_good_body_is_its_value(raw: bytes, value: Any) -> None:
    assert parse_json(raw) == value


def test_thirty_two_levels_are_taken_and_thirty_three_are_not() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = b"1" if opening != b"[" else b""
        assert parse_json(opening * 32 + inner + closing * 32)
        with pytest.raises(MalformedJson, match="deep"):
            parse_json(opening * 33 + inner + closing * 33)


BAD = {
    "empty": b"",
    "cut": b'{"email": "a@b.de"',
    "two values": b"{} {}",
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "a comment": b'{"a": 1} // x',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a repeated member": b'{"email": "a@b.de", "email": "c@d.de"}',
    "a repeated member, escaped": b'{"email": 1, "\\u0065mail": 2}',
    "a repeated member, deeper": b'{"a": [{"b": 1, "b": 1}]}',
    "latin-1": b'{"a": "\xe9"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a surrogate in utf-8": b'{"a": "\xed\xa0\x80"}',
    "an overlong form": b'{"a": "\xc0\x80"}',
    "a raw control character": b'{"a": "x\ny"}',
    "33 levels": _nested(33),
    "30,000 levels": _nested(30_000),
    "30,000 open": b"[" * 30_000,
    "30,000 members open": b'{"a":' * 10_000,
    "a number of 50,000 digits": b'{"a": ' + b"9" * 50_000 + b"}",
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
async def test_a_malformed_body_is_refused(client: httpx.AsyncClient, raw: bytes) -> None:
    answer = await client.post(URL, content=raw, headers=JSON)
    assert problem(answer) == (400, "malformed-json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"1", b"true"])
async def test_a_body_that_is_no_object_is_refused_as_such(
    client: httpx.AsyncClient, raw: bytes
) -> None:
    answer = await client.post(URL, content=raw, headers=JSON)
    assert problem(answer) == (422, "validation")
    assert answer.json()["errors"][0]["pointer"] == ""


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=utf-8",
    ],
)
async def test_json_is_recognised_in_every_spelling(
    client: httpx.AsyncClient, media_type: str
) -> None:
    request = client.build_request("POST", URL, json=signup_body())
    request.headers["Content-Type"] = media_type
    assert (await client.send(request)).json()["user"]["email"] == signup_body()["email"]


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/problem+json",
        "application/json, text/plain",
    ],
)
async def test_another_media_type_is_refused(client: httpx.AsyncClient, media_type: str) -> None:
    request = client.build_request("POST", URL, json=signup_body())
    request.headers["Content-Type"] = media_type
    answer = await client.send(request)
    assert problem(answer) == (415, "unsupported-media-type")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x"])
async def test_a_content_coding_is_refused(client: httpx.AsyncClient, coding: str) -> None:
    headers = JSON | {"Content-Encoding": coding}
    answer = await client.post(URL, content=b"\x1f\x8b", headers=headers)
    assert problem(answer) == (415, "unsupported-media-type")


async def test_a_missing_body_is_refused(client: httpx.AsyncClient) -> None:
    assert problem(await client.post(URL)) == (415, "unsupported-media-type")


async def test_each_fault_is_named_by_its_pointer_and_no_value_is_repeated(
    client: httpx.AsyncClient,
) -> None:
    body = {"email": "hunter2@@", "password": 12345, "role": "administrator", "a/b~c": "hunter2"}
    answer = await client.post(URL, json=body)
    assert problem(answer) == (422, "validation")
    pointers = {one["pointer"] for one in answer.json()["errors"]}
    assert pointers == {"/email", "/password", "/role", "/a~1b~0c"}
    assert "hunter2" not in answer.text
    assert "12345" not in answer.text


async def test_a_flood_of_unknown_members_gets_a_short_answer(client: httpx.AsyncClient) -> None:
    body = signup_body(**{f"m{number}": 0 for number in range(4000)})
    answer = await client.post(URL, json=body)
    assert problem(answer) == (422, "validation")
    assert 1 <= len(answer.json()["errors"]) <= 20


@pytest.mark.parametrize("name", ["\0", "\r\nX: y", "\u2028", "\ud800", "<b>", "n" * 5000])
async def test_the_name_of_an_unknown_member_is_repeated_only_clean(
    client: httpx.AsyncClient, name: str
) -> None:
    raw = json.dumps(signup_body(**{name: 0}))  # with escapes, where httpx would fail
    answer = await client.post(URL, content=raw, headers=JSON)
    assert problem(answer) == (422, "validation")
    pointer = answer.json()["errors"][0]["pointer"]
    assert len(pointer) <= 65
    assert not set(pointer) & set("\0\r\n\u2028\ud800")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1&cursor=%00", "cursor=ses_"]
)
async def test_a_fault_in_a_query_is_named_by_its_parameter(
    client: httpx.AsyncClient, query: str
) -> None:
    signed_up = (await client.post(URL, json=signup_body())).json()
    bearer = {"Authorization": f"Bearer {signed_up['tokens']['access_token']}"}
    answer = await client.get(f"/api/v1/sessions?{query}", headers=bearer)
    assert problem(answer) == (422, "validation")
    assert answer.json()["errors"][0]["parameter"] == query.rpartition("&")[2].partition("=")[0]
