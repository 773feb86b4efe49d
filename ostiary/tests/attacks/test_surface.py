"""The attacks try every route: a route that their list does not know is a hole in the tests.

The server's own OpenAPI document says which routes take a body and which take a bearer.
"""

import httpx

from attacks.surface import GUARDED, WITH_BODY


async def _operations(client: httpx.AsyncClient, member: str) -> set[tuple[str, str]]:
    paths = (await client.get("/openapi.json")).json()["paths"]
    return {
        (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get(member)
    }


async def test_every_route_with_a_body_is_attacked(client: httpx.AsyncClient) -> None:
    documented = await _operations(client, "requestBody")
    assert documented
    assert documented <= {(route.method, route.path) for route in WITH_BODY}


async def test_every_route_with_a_bearer_is_attacked(client: httpx.AsyncClient) -> None:
    documented = await _operations(client, "security")
    attacked = {(route.method, route.path) for route in GUARDED}
    attacked |= {(method, path.rpartition("/")[0] + "/{id}") for method, path in attacked}
    assert documented
    assert documented <= attacked
