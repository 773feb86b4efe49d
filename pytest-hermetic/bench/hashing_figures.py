"""What a sign-up and a sign-in cost in processor time, at the real cost and at the least.

    python bench/hashing_figures.py

The other figures of the plugin are in bench/figures.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

INI = "[pytest]\nhermetic = true\nasyncio_default_fixture_loop_scope = function\n"

SUITE = """
import time, pytest, bcrypt
from pwdlib import PasswordHash
from werkzeug.security import check_password_hash, generate_password_hash

argon2 = PasswordHash.recommended()
PAIRS = {
    "Argon2id (pwdlib)": (argon2.hash, lambda stored, password: argon2.verify(password, stored)),
    "bcrypt": (
        lambda password: bcrypt.hashpw(password.encode(), bcrypt.gensalt()),
        lambda stored, password: bcrypt.checkpw(password.encode(), stored),
    ),
    "scrypt (Werkzeug)": (generate_password_hash, check_password_hash),
}

@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("cost", [pytest.param("real", marks=pytest.mark.slow_hash), "least"])
def test_it(name, cost):
    make, verify = PAIRS[name]
    took = []
    for _ in range(10):
        began = time.process_time()
        assert verify(make("correct horse"), "correct horse")
        took.append(time.process_time() - began)
    with open("figures", "a") as file:
        file.write(f"{name}, {cost} cost: {sorted(took)[5] * 1e3:.2f} ms\\n")
"""


def main() -> None:
    """Print each figure on a line of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text(INI)
        (folder / "test_figures.py").write_text(SUITE)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly"]
        run = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        figures = folder / "figures"
        print(figures.read_text() if run.returncode == 0 else run.stdout[-3000:])


if __name__ == "__main__":
    main()
