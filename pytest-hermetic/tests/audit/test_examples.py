"""Each rule speaks about its own bad example, and no rule about any good one."""

from __future__ import annotations

import re

import pytest
from audited_runs import CLIENT, INI, SHOP, Run

from pytest_hermetic.audit.rules import RULES, Rule, Seen

pytest_plugins = ["pytester"]

# The configuration is what this rule's example shows.
APART = {"H009"}
TABLE = [rule for rule in RULES if rule.code not in APART]
SURROUNDINGS = {"shop.py": SHOP, "conftest.py": CLIENT}
CONFIGURATION = f"{INI}hermetic_app = shop:app"


def placed(rule: Rule, kind: str) -> dict[str, str]:
    """The files of an example; an application's module needs a test that imports it."""
    text = getattr(rule, kind)
    name = f"{rule.code.lower()}_{kind}"
    if rule.file == "test_shop.py":
        return {f"test_{name}.py": text}
    return {
        f"{name}/__init__.py": text,
        f"test_{name}.py": f"import {name}\ndef test_it():\n    assert {name}.hashing_rounds()\n",
    }


def test_the_codes_are_one_row_without_gaps():
    assert [rule.code for rule in RULES] == [f"H{n:03}" for n in range(1, len(RULES) + 1)]


def test_every_rule_but_the_full_ones_on_its_example(audited: Run):
    files = dict(SURROUNDINGS)
    for rule in TABLE:
        files |= placed(rule, "bad") | placed(rule, "good")
    run = audited(
        files,
        *("--hermetic-audit=error", "--continue-on-collection-errors"),
        ini=CONFIGURATION,
    )
    said = {}
    for one in run.findings:
        name = re.search(r"(h\d{3}_(bad|good))", one["file"])
        said.setdefault(name[1] if name else one["file"], set()).add(one["code"])
    assert said == {
        f"{rule.code.lower()}_bad": {rule.code} for rule in TABLE if rule.seen is not Seen.FULL
    }
    assert run.run.ret == 1


@pytest.mark.parametrize("rule", [r for r in RULES if r.seen is Seen.FULL], ids=lambda r: r.code)
def test_the_full_rules_on_their_examples(audited: Run, rule: Rule):
    files = {**SURROUNDINGS, **placed(rule, "bad"), **placed(rule, "good")}
    run = audited(files, "--hermetic-audit=full", ini=CONFIGURATION)
    assert [(one["code"], one["file"]) for one in run.findings] == [
        (rule.code, f"test_{rule.code.lower()}_bad.py")
    ]
    run.run.assert_outcomes(passed=2)
    assert run.run.ret == 1


@pytest.mark.parametrize(("kind", "codes"), [("bad", ["H009"]), ("good", [])])
def test_the_rule_about_configuration(audited: Run, kind: str, codes: list[str]):
    [rule] = [rule for rule in RULES if rule.code == "H009"]
    files = {
        rule.file: getattr(rule, kind),
        "test_it.py": "def test_it(): assert sum([1]) == 1",
    }
    assert audited(files, "--hermetic-audit=error", ini="").codes() == codes
