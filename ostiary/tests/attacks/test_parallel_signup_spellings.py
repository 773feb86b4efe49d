"""The attacker signs up with a victim's address in another spelling, or many at the same moment.

Two accounts for one mailbox would share its links and its trust; one account for two mailboxes
would hand the one's account to the other's owner (RFC 5321 §2.4, UTS 46, UAX 15).
"""

import asyncio
from collections import Counter

import httpx
import pytest
from conftest import ClientAt
from factories import PASSWORD, events, problem, signup_body

from attacks.surface import API
from ostiary.runtime import Runtime
from ostiary.users.actions import listed

MANY = pytest.mark.settings(limits={"signups": 100, "signin_attempts": 1000})

SAME = {
    "case": ["alice@example.com", "ALICE@EXAMPLE.COM", "Alice@Example.com", "aLICE@example.COM"],
    "normalisation": ["zo\u00eb@example.com", "zoe\u0308@example.com", "ZO\u00cb@example.com",
                      "ZOE\u0308@EXAMPLE.com"],
    "domain": ["a@b\u00fccher.example", "A@xn--bcher-kva.example", "a@B\u00dcCHER.example",
               "a@bu\u0308cher.example", "a@XN--BCHER-KVA.EXAMPLE", "a@b\u00fccher\u3002example",
               "a@\uff42\u00fccher.example"],
    "white space": ["bob@example.com", " bob@example.com", "bob@example.com\t", "\nBob@example.com",
                    "\u00a0bob@example.com", "bob@example.com\u2003"],
}  # fmt: skip

# One folding too far, and two people have one account: compatibility forms, full case folding,
# sub-addresses and dots are different mailboxes to all but one provider.
DIFFERENT = [
    "finn@example.com", "\ufb01nn@example.com", "strasse@example.com", "stra\u00dfe@example.com",
    "ilse@example.com", "\u0131lse@example.com", "mike@example.com", "m\u0131ke@example.com",
    "paypal@example.com", "p\u0430ypal@example.com", "john@example.com", "john+a@example.com",
    "j.ohn@example.com", "\uff4aohn@example.com", "john@sub.example.com", "john@example.org",
]  # fmt: skip


@MANY
@pytest.mark.parametrize("spellings", SAME.values(), ids=SAME.keys())
async def test_one_mailbox_is_one_account_however_it_is_spelled(
    rt: Runtime, client: httpx.AsyncClient, spellings: list[str]
) -> None:
    twenty = (spellings * 20)[:20]
    answers = await asyncio.gather(
        *(client.post(f"{API}/auth/signup", json=signup_body(email=email)) for email in twenty)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {problem(answer) for answer in refused} == {(409, "email-taken")}
    (account,) = await listed(rt, after="", limit=100)
    assert len(await events(rt, "user.created")) == 1
    assert [row.data for row in await events(rt, "signup.refused")] == [
        {"reason": "email-taken"}
    ] * 19
    for email in spellings:
        body = {"email": email, "password": PASSWORD}
        signed_in = await client.post(f"{API}/auth/signin", json=body)
        assert signed_in.json()["user"]["id"] == account.id, email


@MANY
async def test_two_mailboxes_are_two_accounts_however_alike(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    for number, email in enumerate(DIFFERENT):
        body = signup_body(email=email, password=f"{PASSWORD} {number}")
        assert (await client.post(f"{API}/auth/signup", json=body)).status_code == 201, ascii(email)
    for number, email in enumerate(DIFFERENT):
        body = {"email": email, "password": f"{PASSWORD} {number}"}
        signed_in = await client.post(f"{API}/auth/signin", json=body)
        assert signed_in.json()["user"]["email"] == email
    assert len(await listed(rt, after="", limit=100)) == len(DIFFERENT)


@MANY
async def test_parallel_sign_ups_with_one_user_name_make_one_account(
    rt: Runtime, client: httpx.AsyncClient
) -> None:
    names = ["alice", "ALICE", "Alice", "aLiCe"] * 5
    bodies = [
        signup_body(email=f"a{number}@example.com", username=name)
        for number, name in enumerate(names)
    ]
    answers = await asyncio.gather(
        *(client.post(f"{API}/auth/signup", json=body) for body in bodies)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    refused = {problem(answer) for answer in answers if answer.status_code == 409}
    assert refused == {(409, "username-taken")}
    # A refusal leaves no half of an account: neither the address nor the name is used up.
    assert len(await listed(rt, after="", limit=100)) == 1
    (free,) = [body for body, answer in zip(bodies[1:2], answers[1:2], strict=True)]
    if answers[1].status_code == 409:
        again = signup_body(email=free["email"])
        assert (await client.post(f"{API}/auth/signup", json=again)).status_code == 201


async def test_a_user_name_is_never_an_address_nor_looks_like_another(
    client: httpx.AsyncClient, client_at: ClientAt
) -> None:
    taken = signup_body(username="mike")
    assert (await client.post(f"{API}/auth/signup", json=taken)).status_code == 201
    for number, name in enumerate(
        ["bob@example.com", "m\u0131ke", "mi\u212ae", "\uff4dike", "mike\u200b", "m\u0456ke",
         "mi ke", "mike\u0301", "mike\u202e"]
    ):  # fmt: skip
        body = signup_body(email=f"u{number}@example.com", username=name)
        response = await client_at(f"192.0.2.{number}").post(f"{API}/auth/signup", json=body)
        assert problem(response) == (422, "validation"), ascii(name)
