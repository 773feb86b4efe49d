"""Each operation shows a body that it takes and an answer that it gives."""

import json
from typing import Any

import httpx
import pytest
from factories import a_session

from ostiary.runtime import Runtime
from web.test_openapi import Document, _faults, _operations


@pytest.fixture
async def document(client: httpx.AsyncClient) -> Document:
    return dict((await client.get("/openapi.json")).json())


def _shown(part: Document) -> list[tuple[Document, Any]]:
    """The schema and the value of each example."""
    return [
        ({"$ref": f"#/components/schemas/{name}"}, example["value"])
        for media in part.get("content", {}).values()
        for name, example in media.get("examples", {}).items()
    ]


def test_every_body_and_every_good_answer_has_an_example_of_its_schema(document: Document) -> None:
    for name, operation in _operations(document).items():
        good = [one for status, one in operation["responses"].items() if status.startswith("2")]
        parts = [*good, operation.get("requestBody", {})]
        assert good, name
        for part in parts:
            assert bool(part.get("content")) == bool(_shown(part)), name
            for schema, value in _shown(part):
                assert _faults(document, schema, value) == [], name


@pytest.mark.settings(
    links={
        "magic_link": "https://app.example/in?token={token}",
        "continue_origins": "https://app.example",
    },
    limits={"messages_address": 1000, "messages_recipient": 1000},
)
async def test_every_body_that_is_shown_is_taken(
    rt: Runtime, client: httpx.AsyncClient, document: Document
) -> None:
    bearer: dict[str, str] = {}
    taken = set()
    for name, operation in _operations(document).items():
        method, path = name.split()
        for _, value in _shown(operation.get("requestBody", {})):
            is_guarded = {"bearer": []} in operation.get("security", [])
            if is_guarded:
                bearer = (await a_session(rt)).bearer
            answer = await client.request(
                method, path, json=value, headers=bearer if is_guarded else {}
            )
            slug = "" if answer.is_success else answer.json()["type"].rpartition("/")[2]
            # Its tokens, codes and passwords are nobody's; all else about it is acceptable.
            assert slug not in ("validation", "malformed-json"), (name, answer.text)
            assert answer.is_success or slug.startswith(("token-", "attempt-", "in")), (name, slug)
            if answer.is_success:
                taken.add(operation["operationId"])
    assert {"signUp", "signIn", "updateMe", "requestMagicLink", "requestEmailCode"} <= taken
    assert "requestPasswordReset" in taken


async def test_the_page_shows_them(client: httpx.AsyncClient, document: Document) -> None:
    page = (await client.get("/docs")).text.replace("&#34;", '"').replace("&amp;", "&")
    for operation in _operations(document).values():
        assert f"<code>{operation['operationId']}</code>" in page
        for _, value in _shown(operation.get("requestBody", {})):
            assert json.dumps(value, indent=2) in page
