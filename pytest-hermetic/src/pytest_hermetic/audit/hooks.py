"""The hooks of the audit: listen to the session, ask the rules, say what they found.

Under pytest-xdist every worker reads the tests and runs some; what each found comes to the
controller with its last message, and what all of them found is said once.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_hermetic.audit import summary
from pytest_hermetic.audit.results import Results

if TYPE_CHECKING:
    from pytest_hermetic.audit.turning import Turns

_OUTPUT = "hermetic_audit"


class Audit:
    """One session's audit."""

    def __init__(
        self, config: pytest.Config, level: str, ignores: list[str], reports: list[Path]
    ) -> None:
        self._config = config
        self._level = level
        self._reports = reports
        self._results = Results(config.rootpath, ignores)
        self._turns: Turns | None = None
        self._static_line = ""
        self._worker = getattr(config, "workerinput", None)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._results.failed_to_collect(report)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # Imported here: the controller of a distributed session collects nothing.
        from pytest_hermetic.audit.checks import read_all
        from pytest_hermetic.audit.reading import Reading
        from pytest_hermetic.audit.turning import Turns

        reading = Reading(session.config, session.items)
        self._turns = Turns(reading)
        self._results.read(read_all(reading), reading.sources)
        if self._level == "static":
            self._static_line = summary.static_line(self._results, session.items)
            session.items = []
            # Set behind pytest's own listing: the run ends with "collected", not "no tests ran".
            session.config.option.collectonly = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        # xdist's controller has no tests of its own.
        is_controller = self._config.pluginmanager.hasplugin("dsession")
        if self._level == "full" and not is_controller and not session.shouldstop:
            from pytest_hermetic.audit.matrix import Matrix

            self._turns = None  # against a constant there may be nothing to turn over
            Matrix(session, self._results).run()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._turns is None:
            return (yield)
        with self._turns.watched(item) as turned:
            result = yield
        if turned == [False]:
            what = "its assertions stand in a loop that never got to them"
            self._results.about("H001", item.nodeid, what)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._results.add(report)

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, nodeid: str
    ) -> None:
        text = str(warning_message.message)
        if nodeid and "was never awaited" in text:
            self._results.never_awaited(nodeid, text)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist has ended."""
        self._results.merge(getattr(node, "workeroutput", {}).get(_OUTPUT))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        self._finish(session)
        result = yield
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if self._static_line and terminal is not None:
            terminal.write_line(self._static_line)
        return result

    def _finish(self, session: pytest.Session) -> None:
        if self._worker is not None:
            self._config.workeroutput[_OUTPUT] = self._results.shipped()  # type: ignore[attr-defined]  # xdist's
            return
        if self._level != "warn" and self._results.findings and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for path in self._reports:
            self._write(path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        summary.write(terminalreporter, self._results, is_full=self._level == "full")
        for path in self._reports:
            terminalreporter.write_line(f"hermetic report: {path}")

    def _write(self, path: Path) -> None:
        from pytest_hermetic.audit.report import write

        write(path, self._results, level=self._level)
