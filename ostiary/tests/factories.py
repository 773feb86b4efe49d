"""What tests start from, built through the application's own actions, never as raw rows."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
from sqlalchemy import func, select

from ostiary.admin.users import suspend
from ostiary.events.tables import Event
from ostiary.kernel.database import Base
from ostiary.kernel.origin import Origin
from ostiary.runtime import Runtime
from ostiary.sessions.tokens import TokenSet, issue
from ostiary.signin.actions import Admitted, PasswordProof, present
from ostiary.signin.signup import create_user
from ostiary.users.actions import NewUser, Profile

PASSWORD = "correct horse battery"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with a session, and what their client holds."""

    user: Profile
    session_id: str
    tokens: TokenSet
    device_token: str | None

    @property
    def bearer(self) -> dict[str, str]:
        """The header that proves it."""
        return {"Authorization": f"Bearer {self.tokens.access_token}"}


def an_origin(
    address: str = "198.51.100.1", *, user_agent: str = "test", request_id: str = "req_test"
) -> Origin:
    """A sender."""
    return Origin(address, address, user_agent, request_id)


async def a_user(rt: Runtime, email: str | None = None, **values: Any) -> Profile:
    """An account with `PASSWORD` (or `password`)."""
    password = values.pop("password", PASSWORD)
    new = NewUser(email=email or f"user{next(_numbers)}@example.com", **values)
    return await create_user(rt, new, password, origin=an_origin())


async def a_suspended_user(rt: Runtime, email: str | None = None, **values: Any) -> Profile:
    """An account that was suspended."""
    user = await a_user(rt, email, **values)
    await suspend(rt, user.id, origin=an_origin())
    return user


async def a_session(
    rt: Runtime,
    user: Profile | None = None,
    *,
    password: str = PASSWORD,
    device_token: str | None = None,
    origin: Origin | None = None,
) -> SignedIn:
    """A session of `user`, or of a new one, opened by a sign-in."""
    user = user or await a_user(rt)
    proof = PasswordProof(password, email=user.email, device_token=device_token)
    outcome = await present(rt, proof, origin=origin or an_origin())
    assert isinstance(outcome, Admitted), outcome
    opened = outcome.opened
    return SignedIn(
        opened.profile,
        opened.access.session_id,
        await issue(rt, opened.access, opened.refresh),
        str(opened.device) if opened.device else None,
    )


async def tokens_for(rt: Runtime, user: Profile) -> TokenSet:
    """Tokens of a fresh session of `user`."""
    return (await a_session(rt, user)).tokens


async def events(rt: Runtime, *types: str) -> list[Any]:
    """The events logged so far, oldest first; of these types where some are named."""
    statement = select(Event.__table__).order_by(Event.at, Event.id)
    if types:
        statement = statement.where(Event.type.in_(types))
    async with rt.db.read() as connection:
        return list(await connection.execute(statement))


async def rows_in(rt: Runtime, table: type[Base]) -> int:
    """How many rows a table has."""
    async with rt.db.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def everything_stored(rt: Runtime) -> str:
    """Every value in every table, as text: for what must never be among them."""
    async with rt.db.read() as connection:
        rows = [
            repr(tuple(row))
            for table in Base.metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]
    return "\n".join(rows)


def signup_body(**changes: Any) -> dict[str, Any]:
    """The body of a good sign-up, with `changes`."""
    return {"email": "alice@example.com", "password": PASSWORD, **changes}


async def sign_up(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """Sign up over HTTP; the answer's JSON."""
    response = await client.post("/api/v1/auth/signup", json=signup_body(**changes))
    assert response.status_code == 201, response.text
    return dict(response.json())


def ours(answer: httpx.Response) -> httpx.Response:
    """`answer`, which has to be the server's own: it carries the id of the request."""
    assert answer.headers["x-request-id"].startswith("req_")
    return answer


def problem(response: httpx.Response) -> tuple[int, str]:
    """The status and slug of a refusal, after checking that it has the form of RFC 9457."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    return response.status_code, body["type"].rpartition("/")[2]
