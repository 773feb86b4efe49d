"""The library, over Litestar's own client and over the plugin's."""

import asyncio

import pytest
from litestar.testing import AsyncTestClient, TestClient

from library.main import app

BOOK = {"isbn": "978-1", "title": "Persuasion"}


@pytest.fixture
def client():
    with TestClient(app) as client:
        yield client


@pytest.fixture
async def async_client():
    async with AsyncTestClient(app) as client:
        yield client


def test_without_a_card_nothing_is_lent(client):
    client.post("/books", json=BOOK)
    assert client.post("/loans/978-1").status_code == 401


def test_a_reader_borrows_a_book(client):
    client.post("/books", json=BOOK)
    client.post("/card/ada")
    assert client.post("/loans/978-1").json() == {"isbn": "978-1", "reader": "ada"}
    assert client.get("/loans").json() == ["978-1"]


async def test_a_book_is_lent_once(async_client):
    await async_client.post("/books", json=BOOK)
    await async_client.post("/card/ada")
    assert (await async_client.post("/loans/978-1")).status_code == 201
    await async_client.post("/card/bob")
    assert (await async_client.post("/loans/978-1")).status_code == 409


async def test_of_three_simultaneous_loans_one_is_made(hermetic_client):
    await hermetic_client.post("/books", json=BOOK)
    await hermetic_client.post("/card/ada")
    answers = await asyncio.gather(*(hermetic_client.post("/loans/978-1") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_an_unknown_book_is_not_lent(async_client):
    await async_client.post("/card/ada")
    assert (await async_client.post("/loans/978-2")).status_code == 404


def test_a_card_put_away_lends_nothing(client):
    client.post("/card/ada")
    assert client.get("/loans").status_code == 200
    client.delete("/card")
    assert client.get("/loans").status_code == 401


def test_a_card_is_good_for_an_hour_after_its_last_use(client, hermetic):
    client.post("/card/ada")
    for _ in range(3):
        hermetic.clock.advance(minutes=59)
        assert client.get("/loans").status_code == 200
    hermetic.clock.advance(minutes=60, seconds=1)
    assert client.get("/loans").status_code == 401


def test_the_catalogue_is_two_minutes_old_at_most(client, hermetic):
    client.post("/books", json=BOOK)
    assert client.get("/catalogue").json() == ["Persuasion"]
    client.post("/books", json={"isbn": "978-2", "title": "Emma"})
    assert client.get("/catalogue").json() == ["Persuasion"]
    hermetic.clock.advance(seconds=121)
    assert client.get("/catalogue").json() == ["Emma", "Persuasion"]


@pytest.mark.parametrize("_round", range(2))
def test_requests_are_limited_by_the_minute(client, hermetic, _round):
    answers = [client.get("/catalogue").status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    hermetic.clock.advance(seconds=61)
    assert client.get("/catalogue").status_code == 200


def test_what_is_not_limited_stays_open(client):
    assert {client.get("/health").status_code for _ in range(40)} == {200}


async def test_nothing_of_another_test_is_left(hermetic_client, hermetic):
    assert hermetic.redis.keys() == []
    assert (await hermetic_client.get("/catalogue")).json() == []
