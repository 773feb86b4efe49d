"""Short links, in the anyio style of the FastAPI documentation."""

import anyio
import pytest

from shortener.cache import cache

pytestmark = pytest.mark.anyio
URL = "https://example.com/page"


async def shorten(client, slug=None):
    return await client.post("/links", json={"url": URL, "slug": slug})


async def test_a_link_leads_to_its_page(hermetic_client):
    slug = (await shorten(hermetic_client)).json()["slug"]
    answer = await hermetic_client.get(f"/{slug}")
    assert (answer.status_code, answer.headers["location"]) == (307, URL)


async def test_an_unknown_link_leads_nowhere(hermetic_client):
    assert (await hermetic_client.get("/unknown")).status_code == 404


@pytest.mark.parametrize("_round", range(2))
async def test_an_unsafe_page_gets_no_link(hermetic_client, hermetic_http, _round):
    unsafe = {"url": "https://example.com/malware", "slug": "mine"}
    assert (await hermetic_client.post("/links", json=unsafe)).status_code == 422
    assert (await hermetic_client.get("/mine")).status_code == 404
    assert [sent.json() for sent in hermetic_http.requests] == [{"url": unsafe["url"]}]


async def test_no_link_while_pages_cannot_be_checked(hermetic_client, hermetic_http):
    async def down(scope, receive, send):
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    hermetic_http.mount("https://safety.example", down)
    assert (await shorten(hermetic_client, "mine")).status_code == 503
    assert (await hermetic_client.get("/mine")).status_code == 404


@pytest.mark.parametrize("_round", range(3))
async def test_a_slug_is_free_in_every_test(hermetic_client, _round):
    assert (await shorten(hermetic_client, "mine")).status_code == 201
    assert (await shorten(hermetic_client, "mine")).status_code == 409


async def test_of_ten_simultaneous_claims_one_wins(hermetic_client):
    answers = []

    async def claim():
        answers.append((await shorten(hermetic_client, "mine")).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(claim)
    assert sorted(answers) == [201] + [409] * 9


async def test_a_link_lasts_a_day(hermetic_client, hermetic):
    await shorten(hermetic_client, "mine")
    hermetic.clock.advance(hours=23, minutes=59)
    assert (await hermetic_client.get("/mine")).status_code == 307
    hermetic.clock.advance(minutes=1, seconds=1)
    assert (await hermetic_client.get("/mine")).status_code == 404


async def test_visits_are_counted(hermetic_client):
    await shorten(hermetic_client, "one")
    await shorten(hermetic_client, "two")
    for _ in range(3):
        await hermetic_client.get("/two")
    assert (await hermetic_client.get("/popular")).json() == [
        {"slug": "two", "visits": 3},
        {"slug": "one", "visits": 0},
    ]


async def test_a_renamed_link_keeps_its_visits(hermetic_client):
    await shorten(hermetic_client, "old")
    await hermetic_client.get("/old")
    assert (await hermetic_client.post("/old/rename/new")).status_code == 200
    assert (await hermetic_client.get("/old")).status_code == 404
    assert (await hermetic_client.get("/popular")).json() == [{"slug": "new", "visits": 1}]


async def test_a_link_is_not_renamed_over_another(hermetic_client):
    await shorten(hermetic_client, "one")
    await shorten(hermetic_client, "two")
    assert (await hermetic_client.post("/one/rename/two")).status_code == 409


async def test_the_client_talks_to_the_named_database(hermetic_client):
    await shorten(hermetic_client, "mine")
    assert (await cache.client_info())["db"] == 3


def test_the_client_made_at_import_serves_sync_tests_too(hermetic_client):
    answer = anyio.run(shorten, hermetic_client, "mine")
    assert answer.status_code == 201
