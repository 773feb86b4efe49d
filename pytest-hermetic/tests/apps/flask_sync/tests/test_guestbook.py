"""The guest book, over Flask's own client, with two Redis servers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from guestbook.app import app, pool, r
from guestbook.tables import Entry, Rule, db_session


@pytest.fixture
def client():
    return app.test_client()


def sign_in(client, name="ada"):
    return {"X-Session": client.post(f"/sessions/{name}").get_json()["session"]}


def write(client, headers, text="hello"):
    return client.post("/entries", json={"text": text}, headers=headers)


def test_the_book_is_empty(client):
    assert client.get("/entries").get_json() == {"total": 0, "entries": []}


def test_an_entry_is_written(client):
    assert write(client, sign_in(client)).status_code == 201
    assert client.get("/entries").get_json() == {
        "total": 1,
        "entries": [{"author": "ada", "text": "hello"}],
    }


def test_a_stranger_writes_nothing(client):
    assert write(client, {}).status_code == 401
    assert client.get("/entries").get_json()["entries"] == []


@pytest.mark.parametrize("_round", range(2))
def test_the_owner_is_told(client, hermetic_mail, _round):
    write(client, sign_in(client), "Grüße aus Köln")
    letter = hermetic_mail.wait(to="owner@example.com", subject="ada wrote")
    assert letter.text == "Grüße aus Köln\n"
    assert (letter.user, letter.is_encrypted) == ("guestbook", True)
    write(client, {}, "I am a stranger")
    assert len(hermetic_mail) == 1


@pytest.mark.parametrize("_round", range(2))
def test_an_author_does_not_say_the_same_twice(client, _round):
    ada, bob = sign_in(client, "ada"), sign_in(client, "bob")
    assert [write(client, who).status_code for who in (ada, ada, bob)] == [201, 409, 201]


def test_the_rules_are_those_of_the_migrations(client):
    assert client.get("/rules").get_json() == ["Be kind", "Sign with your name"]


def test_what_a_test_does_to_the_rules_is_undone(client):
    db_session.query(Rule).delete()
    db_session.commit()
    db_session.remove()
    assert client.get("/rules").get_json() == []


@pytest.mark.parametrize("_round", range(3))
def test_the_first_entry_of_every_test_is_number_one(client, _round):
    assert write(client, sign_in(client)).get_json() == {"id": 1}


def test_a_session_ends_after_half_an_hour(client, hermetic):
    headers = sign_in(client)
    hermetic.clock.advance(minutes=29)
    assert write(client, headers).status_code == 201
    hermetic.clock.advance(minutes=1, seconds=1)
    assert write(client, headers, "again").status_code == 401


def test_three_entries_a_minute_are_enough(client, hermetic):
    headers = sign_in(client)
    assert [write(client, headers, text).status_code for text in "abcd"] == [201, 201, 201, 429]
    hermetic.clock.advance(seconds=61)
    assert write(client, headers, "e").status_code == 201


def test_the_limit_is_of_one_author(client):
    ada, bob = sign_in(client, "ada"), sign_in(client, "bob")
    for text in "abcd":
        write(client, ada, text)
    assert write(client, bob).status_code == 201


def test_authors_write_at_the_same_time():
    def one(name):
        client = app.test_client()
        return write(client, sign_in(client, name)).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(one, "abcdefgh")) == [201] * 8
    assert app.test_client().get("/entries").get_json()["total"] == 8


def test_what_the_test_commits_the_application_sees(client):
    db_session.add(Entry(author="eve", text="before"))
    db_session.commit()
    db_session.remove()
    assert client.get("/entries").get_json()["entries"][0]["author"] == "eve"


def test_the_two_servers_are_apart(client):
    write(client, sign_in(client))
    assert r.get("entries") is None
    assert r.dbsize() > 0
    assert pool.connection_kwargs["host"] == "counters.internal"


def test_the_database_dates_the_entry(client, hermetic):
    hermetic.clock.advance(days=100)
    write(client, sign_in(client))
    entry = db_session.query(Entry).one()
    assert entry.at.date() == hermetic.clock.now().date()
    db_session.remove()
