"""The HTML report: one file, nothing fetched, readable without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

from pytest_hermetic.audit.findings import Verdict
from pytest_hermetic.audit.rules import BY_CODE

_WORDS = {
    Verdict.DISCRIMINATES: ("good", "red against every constant answer"),
    Verdict.VACUOUS: ("warm", "green against a constant answer"),
    Verdict.RED: ("bad", "failed against the application"),
    Verdict.APART: ("plain", "makes no request"),
    Verdict.SKIPPED: ("plain", "did not run, or may fail"),
    Verdict.NOT_JUDGED: ("plain", "needs --hermetic-audit=full"),
}


def render(document: dict[str, Any]) -> str:
    """The page for one report."""
    here = files("pytest_hermetic.audit")
    style = here.joinpath("page.css").read_text(encoding="utf-8")
    script = here.joinpath("page.js").read_text(encoding="utf-8")
    body = "\n".join(_body(document))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        f"<title>What the green tests mean</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _body(document: dict[str, Any]) -> Iterator[str]:
    figures = document["figures"]
    findings = [one for one in document["findings"] if not one["ignored"]]
    ignored = [one for one in document["findings"] if one["ignored"]]
    yield f"<header><h1>What the green tests mean</h1><p>{_lead(document)}</p></header>"
    yield "<main>"
    yield from _figures(figures)
    yield from _findings(findings)
    yield from _tests(document, findings)
    if ignored:
        yield "<section><h2>Ignored, with a reason</h2>"
        yield '<ul class="places">'
        for one in ignored:
            yield f"<li>{one['code']} {_place(one)}<em>{escape(one['ignored'])}</em></li>"
        yield "</ul></section>"
    yield "</main>"


def _lead(document: dict[str, Any]) -> str:
    if document["level"] != "full":
        return (
            "The tests were read. <code>--hermetic-audit=full</code> also runs them against "
            f"{len(document['answers'])} applications that answer a constant."
        )
    names = ", ".join(f"<code>{escape(one['name'])}</code>" for one in document["answers"])
    return (
        "Each test that passed ran again while every request was given one constant answer: "
        f"{names}. A test that means something goes red every time."
    )


def _figures(figures: dict[str, Any]) -> Iterator[str]:
    yield '<section class="figures">'
    yield f'<p class="figure"><b>{figures["tests"]}</b> tests</p>'
    state = "bad" if figures["findings"] else "good"
    yield f'<p class="figure {state}"><b>{figures["findings"]}</b> findings</p>'
    for verdict, number in figures["verdicts"].items():
        kind, meaning = _WORDS[Verdict(verdict)]
        yield (
            f'<p class="figure {kind}"><b>{number}</b> {escape(verdict)}'
            f"<small>{escape(meaning)}</small></p>"
        )
    yield "</section>"
    yield '<div class="bar" aria-hidden="true">'
    for verdict, number in figures["verdicts"].items():
        kind = verdict.replace(" ", "-")
        yield f'<i class="{kind}" style="flex-grow:{number}"></i>'
    yield "</div>"


def _findings(findings: list[dict[str, Any]]) -> Iterator[str]:
    yield "<section><h2>To mend</h2>"
    if not findings:
        yield '<p class="nothing">No rule has anything to say.</p>'
    for code in sorted({one["code"] for one in findings}):
        rule = BY_CODE[code]
        places = [one for one in findings if one["code"] == code]
        yield f"<details {'open' if len(places) <= 10 else ''}><summary><b>{code}</b> "
        yield f"{escape(rule.title)} <span>{len(places)}</span></summary>"
        yield f"<p>{escape(rule.why)}</p>"
        yield f'<p class="fix"><b>Fix</b> {escape(rule.fix)}</p><ul class="places">'
        for one in places:
            yield f"<li>{_place(one)}</li>"
        yield "</ul></details>"
    yield "</section>"


def _place(one: dict[str, Any]) -> str:
    where = f"{one['file']}:{one['line']}" if one["line"] else one["file"]
    name = one["nodeid"].partition("::")[2]
    named = f" <b>{_broken(name)}</b>" if name and name.partition("[")[0] not in one["what"] else ""
    return f"<code>{escape(where)}</code>{named} {escape(one['what'])}"


def _tests(document: dict[str, Any], findings: list[dict[str, Any]]) -> Iterator[str]:
    about: dict[str, list[dict[str, Any]]] = {}
    for one in findings:
        about.setdefault(one["nodeid"], []).append(one)
    yield '<section id="tests"><h2>Tests</h2><form class="filter" role="search">'
    yield '<label>Find <input type="search" name="text" placeholder="file or name"></label>'
    yield "<fieldset><legend>Show</legend>"
    for verdict, number in document["figures"]["verdicts"].items():
        yield (
            f'<label><input type="checkbox" name="verdict" value="{escape(verdict)}" checked> '
            f"{escape(verdict)} <small>{number}</small></label>"
        )
    yield '</fieldset><output aria-live="polite"></output></form><ol class="tests">'
    # What needs a look comes first.
    first = (Verdict.VACUOUS, Verdict.RED)
    for test in sorted(document["tests"], key=lambda one: one["verdict"] not in first):
        found = about.get(test["nodeid"], []) + about.get(test["nodeid"].partition("[")[0], [])
        yield _test(test, {(one["code"], one["what"]): one for one in found})
    yield "</ol></section>"


def _test(test: dict[str, Any], found: dict[tuple[str, str], dict[str, Any]]) -> str:
    file, _, name = test["nodeid"].partition("::")
    verdict = str(test["verdict"])
    lines = [
        f'<li data-verdict="{escape(verdict)}"><span class="verdict {verdict.replace(" ", "-")}">'
        f"{escape(verdict)}</span> <b>{_broken(name)}</b> <small>{escape(file)} · "
        f"{test['seconds']:.2f} s{_requests(test)}</small>"
    ]
    for code, what in found:
        rule = BY_CODE[code]
        lines.append(f'<p class="reason"><b>{code}</b> {escape(what)}. {escape(rule.why)}</p>')
        lines.append(f'<p class="fix"><b>Fix</b> {escape(rule.fix)}</p>')
    if test["explain"]:
        met = (f"{escape(w)} → {escape(p)}" for _, w, p, _ in test["explain"])
        lines.append(f'<p class="met">{"<br>".join(met)}</p>')
    return "".join(lines) + "</li>"


def _broken(name: str) -> str:
    """A name that a narrow screen may break after an underscore."""
    return escape(name).replace("_", "_<wbr>")


def _requests(test: dict[str, Any]) -> str:
    number = test["requests"]
    return f" · {number} request{'s' if number != 1 else ''}" if number else ""
