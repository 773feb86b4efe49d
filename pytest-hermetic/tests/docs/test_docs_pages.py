"""Every page of code runs as it is printed; every link leads to something."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from pages import DOCS, blocks, follow


def shown(page: Path) -> str:
    return page.relative_to(DOCS.parent).as_posix()


README = DOCS.parent / "README.md"
PAGES = sorted((*DOCS.rglob("*.md"), README))
FOLLOWED = [page for page in PAGES if any(one.language == "console" for one in blocks(page))]

pytestmark = pytest.mark.timeout(900)  # the tutorial runs five suites


@pytest.mark.parametrize("page", FOLLOWED, ids=shown)
def test_a_reader_who_does_what_the_page_says_sees_what_it_shows(page, tmp_path, shared_cache):
    assert follow(page, tmp_path, shared_cache) >= 1


@pytest.mark.parametrize("page", FOLLOWED, ids=shown)
def test_no_code_of_a_followed_page_is_left_out(page):
    code = [block for block in blocks(page) if block.language in ("python", "toml", "ini")]
    assert [block.text for block in code if not block.path] == []


def test_the_tutorial_and_every_guide_are_followed():
    guides = {*DOCS.glob("how-to/*.md"), *DOCS.glob("tutorial/*.md"), README}
    assert {shown(page) for page in guides - {*FOLLOWED}} == set()


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_code_parses(page):  # hermetic: ignore[H001] what does not parse raises
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    ours = [one for one in targets if not one.startswith(("https://", "http://", "#"))]
    assert [one for one in ours if not (page.parent / one.partition("#")[0]).exists()] == []


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text()
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []
