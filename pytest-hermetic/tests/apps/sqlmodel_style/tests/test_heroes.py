"""Heroes, without the dependency override of the tutorial."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from heroes.main import app, engine, sqlite_file
from heroes.models import Hero


@pytest.fixture
def client():
    return TestClient(app)


def create(client, name="Deadpond", **more):
    return client.post("/heroes", json={"name": name, **more})


def test_a_hero_is_created(client):
    body = create(client, age=30).json()
    assert (body["id"], body["name"], body["age"]) == (1, "Deadpond", 30)


@pytest.mark.parametrize("_round", range(3))
def test_the_first_hero_of_every_test_is_number_one(client, _round):
    assert create(client).json()["id"] == 1
    assert len(client.get("/heroes").json()) == 1


@pytest.mark.parametrize("changes", [{"name": ""}, {"age": -1}], ids=["name", "age"])
def test_a_malformed_hero_is_refused(client, changes):
    assert create(client, **changes).status_code == 422
    assert client.get("/heroes").json() == []


def test_a_hero_belongs_to_a_team(client):
    team = client.post("/teams/Preventers").json()["id"]
    create(client, "Rusty-Man", team_id=team)
    create(client, "Deadpond", team_id=team)
    create(client, "Spider-Boy")
    assert client.get(f"/teams/{team}/heroes").json() == ["Deadpond", "Rusty-Man"]


def test_a_team_exists_before_its_heroes(client):
    assert create(client, team_id=7).status_code == 422


def test_a_team_is_founded_once(client):
    assert client.post("/teams/Preventers").status_code == 201
    assert client.post("/teams/Preventers").status_code == 409


def test_a_hero_is_deleted(client):
    hero = create(client).json()["id"]
    assert client.delete(f"/heroes/{hero}").status_code == 204
    assert client.delete(f"/heroes/{hero}").status_code == 404


def test_the_database_dates_the_hero(client, hermetic):
    first = create(client).json()["joined_at"]
    hermetic.clock.advance(days=400)
    second = create(client).json()["joined_at"]
    assert second[:10] == hermetic.clock.now().date().isoformat()
    assert first < second


def test_what_a_session_commits_the_application_sees(client):
    with Session(engine) as session:
        session.add(Hero(name="Tarantula"))
        session.commit()
    assert [hero["name"] for hero in client.get("/heroes").json()] == ["Tarantula"]


@pytest.mark.parametrize("heroes", [1, 2, 3])
def test_the_count_is_cached_within_a_test_only(client, heroes):
    for n in range(heroes):
        create(client, f"Hero {n}")
    assert client.get("/count").json() == heroes
    create(client, "Late")
    assert client.get("/count").json() == heroes


def test_no_file_appears_beside_the_code(client):
    create(client)
    assert not Path(sqlite_file).exists()
