"""Rooms, with two people in them."""

import time

import pytest
import redis

LOBBY = "/rooms/lobby"


def test_what_one_says_the_other_hears(hermetic_test_client):
    with (
        hermetic_test_client.websocket_connect(f"{LOBBY}/ada") as ada,
        hermetic_test_client.websocket_connect(f"{LOBBY}/bob") as bob,
    ):
        assert ada.receive_json() == {"present": ["ada"]}
        assert bob.receive_json() == {"present": ["ada", "bob"]}
        ada.send_text("hello")
        assert bob.receive_json() == {"from": "ada", "text": "hello"}
        assert ada.receive_json() == {"from": "ada", "text": "hello"}


def test_a_room_does_not_hear_another(hermetic_test_client):
    with (
        hermetic_test_client.websocket_connect("/rooms/lobby/ada") as ada,
        hermetic_test_client.websocket_connect("/rooms/attic/bob") as bob,
    ):
        ada.receive_json()
        bob.receive_json()
        ada.send_text("only for the lobby")
        assert ada.receive_json()["text"] == "only for the lobby"
        bob.send_text("only for the attic")
        assert bob.receive_json()["text"] == "only for the attic"


def test_what_is_said_without_a_socket_is_heard(hermetic_test_client):
    with hermetic_test_client.websocket_connect(f"{LOBBY}/ada") as ada:
        ada.receive_json()
        said = {"from": "system", "text": "closing soon"}
        assert hermetic_test_client.post(LOBBY, json=said).json() == {"heard": 1}
        assert ada.receive_json() == said


def test_who_left_is_not_present(hermetic_test_client):
    with hermetic_test_client.websocket_connect(f"{LOBBY}/ada") as ada:
        ada.receive_json()
    with hermetic_test_client.websocket_connect(f"{LOBBY}/bob") as bob:
        assert bob.receive_json() == {"present": ["bob"]}


@pytest.mark.parametrize("_round", range(3))
def test_a_room_is_empty_in_every_test(hermetic_test_client, _round):
    assert hermetic_test_client.post(LOBBY, json={"text": "echo"}).json() == {"heard": 0}
    assert hermetic_test_client.get(f"{LOBBY}/history").json() == [{"text": "echo"}]


async def test_history_is_kept_in_order(hermetic_client):
    for n in range(5):
        await hermetic_client.post(LOBBY, json={"text": str(n)})
    said = (await hermetic_client.get(f"{LOBBY}/history")).json()
    assert [entry["text"] for entry in said] == list("01234")


def test_a_long_conversation_arrives_in_order(hermetic_test_client):
    with hermetic_test_client.websocket_connect(f"{LOBBY}/ada") as ada:
        ada.receive_json()
        for n in range(100):
            ada.send_text(str(n))
        assert [ada.receive_json()["text"] for _ in range(100)] == [str(n) for n in range(100)]


def test_another_process_announces(hermetic_test_client):
    other = redis.Redis(host="redis", decode_responses=True)
    deadline = time.monotonic() + 60
    # The listener of the lifespan subscribes in its own time.
    while not other.publish("announce:all", "a new version is out"):
        assert time.monotonic() < deadline
    while not hermetic_test_client.get("/announcements").json():
        assert time.monotonic() < deadline
    assert hermetic_test_client.get("/announcements").json() == ["a new version is out"]
    other.close()
