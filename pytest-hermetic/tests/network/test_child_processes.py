"""Whatever starts a process starts it held, and otherwise as it would have been."""

from __future__ import annotations

pytest_plugins = ["pytester"]

SUITE = """
    import asyncio
    import multiprocessing
    import os
    import subprocess
    import sys

    import pytest
    from escapes import CHILD
    from pytest_hermetic.network import NetworkBlocked

    PORT = os.environ["ESCAPE_PORT"]
    COMMAND = [sys.executable, "-c", CHILD, "127.0.0.1", PORT]
    HELD = 7

    def test_subprocess():
        assert subprocess.run(COMMAND).returncode == HELD
        assert subprocess.run(COMMAND, close_fds=False).returncode == HELD
        line = f'"{sys.executable}" child.py 127.0.0.1 {PORT}'
        with open("child.py", "w") as file:
            file.write(CHILD)
        assert subprocess.run(line, shell=True).returncode == HELD

    def test_what_the_caller_prepares_is_done_as_well(tmp_path):
        prepare = (tmp_path / "made").mkdir
        assert subprocess.run(COMMAND, preexec_fn=prepare).returncode == HELD
        assert (tmp_path / "made").is_dir()

    async def test_asyncio():
        process = await asyncio.create_subprocess_exec(*COMMAND)
        assert await process.wait() == HELD

    def test_uvloop():
        import uvloop

        async def start():
            process = await asyncio.create_subprocess_exec(*COMMAND)
            return await process.wait()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(start()) == HELD

    def test_fork_and_exec():
        assert os.spawnv(os.P_WAIT, COMMAND[0], COMMAND) == HELD

    def test_system(tmp_path):
        script = tmp_path / "child.py"
        script.write_text(CHILD)
        status = os.system(f"{sys.executable} {script} 127.0.0.1 {PORT}")
        assert os.waitstatus_to_exitcode(status) == HELD

    def test_posix_spawn_cannot_be_held():
        with pytest.raises(NetworkBlocked, match="start it with subprocess"):
            os.posix_spawn(COMMAND[0], COMMAND, os.environ)

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_multiprocessing(method):
        context = multiprocessing.get_context(method)
        answers = context.Queue()
        process = context.Process(target=leave, args=(answers,))
        process.start()
        assert answers.get(timeout=60) == "stopped"
        process.join()

    def leave(answers):
        import socket
        try:
            socket.create_connection(("127.0.0.1", int(PORT)), 5)
            answers.put("left")
        except OSError:
            answers.put("stopped")

    def test_errors_are_those_of_subprocess():
        with pytest.raises(FileNotFoundError):
            subprocess.run(["/nowhere"])
        with pytest.raises(NotADirectoryError):
            subprocess.run(COMMAND, cwd="/dev/null")

    def test_a_child_has_a_loopback_of_its_own():
        talk = (
            "import socket; s = socket.create_server(('127.0.0.1', 0));"
            "socket.create_connection(s.getsockname()).close()"
        )
        assert subprocess.run([sys.executable, "-c", talk]).returncode == 0
"""


def test_every_way_to_start_one(suite, listener, escapes) -> None:
    suite(SUITE, files=escapes).assert_outcomes(passed=12)
    assert listener.reached == 0


def test_the_servers_of_the_plugin_start_unheld(suite) -> None:
    """PostgreSQL is started for a test that is closed, and leaves no trace in its story."""
    result = suite(
        """
        from sqlalchemy import create_engine, text

        def test_it(hermetic):
            with create_engine("postgresql+psycopg://app@db/app").connect() as connection:
                assert connection.execute(text("select 1")).scalar() == 1
            assert hermetic.network.blocked == ()
        """,
        args=("--hermetic-explain",),
    )
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*process*held*")
