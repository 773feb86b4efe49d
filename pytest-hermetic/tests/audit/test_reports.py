"""The reports tell all, the page needs nothing but itself, workers tell what one process does."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from audited_runs import CLIENT, INI, SHOP, Run

pytest_plugins = ["pytester"]

# Each test inside is run a dozen times.
pytestmark = pytest.mark.timeout(600)

TESTS = """
    def test_status(client):
        assert client.get("/orders/1").status_code == 200

    def test_body(client):
        assert client.get("/orders/1").json() == {"order": 1}

    def test_nothing():
        sum([1])

    def test_ignored():  # hermetic: ignore[H001] it <must> not raise
        sum([1])
"""
FILES = {"test_it.py": TESTS, "shop.py": SHOP, "conftest.py": CLIENT}
CONFIGURATION = f"{INI}hermetic_app = shop:app"


class Page(HTMLParser):
    """The elements and the text of a page; open and close tags must match."""

    VOID = frozenset({"meta", "input", "br", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def test_the_page_is_one_file_that_fetches_nothing(audited: Run, pytester):
    run = audited(FILES, "--hermetic-audit=full", "--hermetic-report=a/b.html", ini=CONFIGURATION)
    text = pytester.path.joinpath("a/b.html").read_text()
    page = Page(text)
    assert page.open == []
    assert "http" not in text.replace("http-equiv", "")
    for _, attributes in page.elements:
        assert not {"src", "href", "srcset", "onclick"} & attributes.keys()
    policy = {a["http-equiv"]: a["content"] for t, a in page.elements if "http-equiv" in a}
    assert policy["Content-Security-Policy"].startswith("default-src 'none'")
    assert "it <must> not raise" in page.text
    rows = [a["data-verdict"] for tag, a in page.elements if "data-verdict" in a]
    assert rows == ["vacuous", "discriminates"] + ["does not reach the application"] * 2
    for finding in run.findings:
        assert finding["what"] in page.text
        assert f"{finding['file']}:{finding['line']}" in page.text
    run.run.stdout.fnmatch_lines(["hermetic report: *audit.json", "hermetic report: a/b.html"])


def test_figures_rules_and_tests_are_in_the_json(audited: Run):
    run = audited(FILES, "--hermetic-audit=full", ini=CONFIGURATION)
    document = run.document
    assert (document["version"], document["level"]) == (1, "full")
    assert len(document["answers"]) == 10
    assert len(document["rules"]) == 17
    figures = document["figures"]
    assert (figures["tests"], figures["findings"], figures["ignored"]) == (4, 2, 1)
    assert figures["outcomes"] == {"passed": 4}
    assert run.tests()["test_status"] | {"seconds": 0, "explain": []} == {
        "nodeid": "test_it.py::test_status",
        "outcome": "passed",
        "seconds": 0,
        "verdict": "vacuous",
        "green_under": ["200 {}", "200 []"],
        "requests": 1,
        "explain": [],
    }


def test_workers_find_what_one_process_finds(audited: Run):
    def without_times(document):
        for test in document["tests"]:
            test["seconds"] = document["figures"]["seconds"] = 0
        return json.dumps(document, sort_keys=True)

    alone = audited(FILES, "--hermetic-audit=full", ini=CONFIGURATION)
    together = audited(FILES, "--hermetic-audit=full", "-n", "2", ini=CONFIGURATION)
    assert without_times(together.document) == without_times(alone.document)
    assert together.run.ret == alone.run.ret == 1
