"""A browser that comes by itself gets pages: the first one, the icon, and what is not there."""

import time

import httpx
import pytest
from factories import problem
from pages import page_of, read

from ostiary.app import create_api
from ostiary.runtime import Runtime
from ostiary.settings import Settings
from ostiary.web.middleware import Edge
from ostiary.web.pages import PageRefusals

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAMS = ["", "*/*", "application/json", "application/json, text/html", "text/html;q=0.5, */*"]
PROGRAMS += ["text/html;q=0.8, application/problem+json", "text/html;q=0", "text/html;q=two"]


async def test_the_first_page_says_what_this_is_and_where_to_go(client: httpx.AsyncClient) -> None:
    for accept in ({}, BROWSER):
        page = page_of(await client.get("/", headers=accept))
        assert "Ostiary is running" in page.text
        assert "Anybody can create an account" in page.text
        assert "no page to sign in on here yet" in page.text
    for link in page.links:
        assert (await client.get(link)).status_code == 200, link
    assert page.links == ["/docs", "/openapi.json", "/health/ready"]
    spanish = await read(client, "/", **{"Accept-Language": "es"})
    assert spanish.language == "es"
    assert "Ostiary está en marcha" in spanish.text


@pytest.mark.settings(signup={"mode": "closed"}, brand={"name": "Acme ID"})
async def test_the_first_page_goes_by_the_settings(client: httpx.AsyncClient) -> None:
    page = await read(client, "/")
    assert page.title == "Acme ID is running · Acme ID"
    assert "Sign-up is closed" in page.text
    assert "Anybody" not in page.text
    assert "Ostiary" not in page.text


async def test_the_icon_is_there_small_and_kept(client: httpx.AsyncClient) -> None:
    for path, kind, start in (
        ("/favicon.ico", "image/x-icon", b"\x00\x00\x01\x00"),
        ("/favicon.svg", "image/svg+xml", b"<svg "),
    ):
        icon = await client.get(path)
        assert icon.status_code == 200
        assert icon.headers["content-type"] == kind
        assert icon.headers["cache-control"] == "public, max-age=86400"
        assert icon.content.startswith(start)
        assert len(icon.content) < 4096
        assert icon.headers["etag"]


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/nowhere", 404, "There is nothing here"),
        ("GET", "/signin", 404, "There is nothing here"),
        ("GET", "/problems/nothing", 404, "There is nothing here"),
        ("GET", "/static/nothing.css", 404, "There is nothing here"),
        ("POST", "/", 405, "There is nothing here"),
        ("PUT", "/docs", 405, "There is nothing here"),
    ],
)
async def test_a_browser_gets_a_page_where_nothing_is(
    client: httpx.AsyncClient, method: str, path: str, status: int, sentence: str
) -> None:
    answer = await client.request(method, path, headers=BROWSER)
    assert answer.status_code == status
    page = page_of(answer)
    assert sentence in page.text
    assert answer.headers["x-request-id"] in page.text
    assert page.links == ["/"]
    assert "message" not in page.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert ("allow" in answer.headers) == (status == 405)
    spanish = await client.request(method, path, headers=BROWSER | {"Accept-Language": "es"})
    assert "Aquí no hay nada" in page_of(spanish).text


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1", "/.well-known/nothing"])
async def test_what_programs_call_is_never_a_page(client: httpx.AsyncClient, path: str) -> None:
    assert problem(await client.get(path, headers=BROWSER)) == (404, "not-found")


@pytest.mark.parametrize("accept", PROGRAMS)
async def test_a_program_gets_json_everywhere(client: httpx.AsyncClient, accept: str) -> None:
    headers = {"Accept": accept} if accept else {}
    assert problem(await client.get("/nowhere", headers=headers)) == (404, "not-found")


async def test_a_defect_is_a_page_for_a_browser(rt: Runtime, settings: Settings) -> None:
    api = create_api(settings, runtime=rt)

    async def fail() -> None:
        raise RuntimeError("a defect")

    api.add_api_route("/broken", fail)
    edge = Edge(PageRefusals(api, api, frozenset()), settings)
    transport = httpx.ASGITransport(edge, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x.test") as client:
        answer = await client.get("/broken", headers=BROWSER)
        assert answer.status_code == 500
        assert "Something went wrong" in page_of(answer).text
        assert "a defect" not in answer.text
        assert problem(await client.get("/broken")) == (500, "internal")


@pytest.mark.parametrize("header", ["Accept", "Accept-Language"])
@pytest.mark.parametrize("value", ["text/html;q=" + " " * 30_000 + "!", "en" + " " * 30_000 + "!"])
async def test_a_header_of_spaces_costs_nothing(
    client: httpx.AsyncClient, header: str, value: str
) -> None:
    started = time.perf_counter()
    await client.get("/setup", headers=BROWSER | {header: value})
    assert time.perf_counter() - started < 2
