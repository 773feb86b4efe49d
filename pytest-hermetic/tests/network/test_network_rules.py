"""What an entry of `hermetic_allow_hosts` means, and what each level lets through."""

from __future__ import annotations

import socket

import pytest

from pytest_hermetic.network.rules import Rules, hosts_file, numeric, parse


def rules(level: str, *entries: str) -> Rules:
    return Rules(level, tuple(parse(entry) for entry in entries))


@pytest.mark.parametrize(
    ("entry", "host", "port", "is_permitted"),
    [
        ("10.1.2.3", "10.1.2.3", 80, True),
        ("10.1.2.3", "10.1.2.4", 80, False),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 80, False),
        ("10.0.0.0/8", "10.200.0.1", 1, True),
        ("10.0.0.0/8", "11.0.0.1", 1, False),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("[2001:db8::1]:443", "2001:db8::1", 80, False),
        ("2001:db8::/32", "2001:db8::7", 80, True),
        ("10.1.2.3", "::ffff:10.1.2.3", 80, True),
    ],
)
def test_an_entry_lets_its_addresses_through(entry, host, port, is_permitted) -> None:
    assert rules("block", entry).permits(host, port) is is_permitted


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "localhost", "", "0.0.0.0", "::ffff:127.0.0.1", "127.1"],
)
def test_loopback_has_many_spellings(host) -> None:
    assert rules("loopback").permits(host, 80)
    assert not rules("block").permits(host, 80)


@pytest.mark.parametrize("host", ["203.0.113.7", "fe80::1%eth0", "<broadcast>", "example.com"])
def test_loopback_is_not_the_world(host) -> None:
    assert not rules("loopback").permits(host, 80)


def test_a_name_that_is_let_through_may_be_resolved_and_no_other() -> None:
    chosen = rules("block", "API.example.com:443")
    assert chosen.permits_lookup("api.example.com.", 443)
    assert not chosen.permits_lookup("api.example.com", 80)
    assert not chosen.permits_lookup("example.com", 443)


def test_what_an_allowed_name_resolves_to_may_be_reached(monkeypatch) -> None:
    """A socket is told the address, not the name that was allowed."""
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, port: [(2, 1, 6, "", ("203.0.113.7", 0))]
    )
    chosen = rules("block", "api.example.com:443")
    assert chosen.permits("203.0.113.7", 443)
    assert not chosen.permits("203.0.113.7", 80)
    assert not chosen.permits("203.0.113.8", 443)


def test_names_of_the_hosts_file_need_no_resolver() -> None:
    assert "localhost" in hosts_file()
    assert rules("block").permits_lookup("localhost")


@pytest.mark.parametrize("entry", ["https://example.com", "example.com:http", ":80", ""])
def test_an_entry_that_cannot_be_meant_is_refused(entry) -> None:
    with pytest.raises(pytest.UsageError, match="host or host:port"):
        parse(entry)


@pytest.mark.parametrize("host", ["example.com", "deadbeef", "1password.com", "10.example"])
def test_a_name_is_not_taken_for_an_address(host) -> None:
    assert numeric(host) is None
