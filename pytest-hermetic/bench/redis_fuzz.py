"""Runs seeded random commands on the in-memory server and on a real one; prints what differs.

    python pytest-hermetic/bench/redis_fuzz.py [commands] [seed]

50,000 commands and seed 1 unless said; each protocol gets half of them.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "redis"))

import differential
from random_commands import Generator


def main(count: int, seed: int) -> int:
    """Print the differences and their rate; 1 when more than 0.05 % are of value."""
    started = time.perf_counter()
    kinds: Counter[str] = Counter()
    print(f"redis-server {differential.real_version()}, {count} commands, seed {seed}")
    for protocol in (2, 3):
        with differential.both(protocol) as (memory, real):
            commands = Generator(seed * 10 + protocol).commands(count // 2)
            for number, command in enumerate(commands):
                ours, theirs = memory.run(command), real.run(command)
                if differential.same(command[0], ours, theirs):
                    continue
                case = differential.Case(f"RESP{protocol}", number, "")
                mismatch = differential.Mismatch(case, b" ".join(command), ours, theirs)
                kinds[mismatch.kind] += 1
                print(mismatch)
                if mismatch.kind == "value":
                    memory.run([b"FLUSHALL"])
                    real.run([b"FLUSHALL"])
    rate = kinds["value"] / count
    print(
        f"value {kinds['value']} ({rate:.4%}), error text {kinds['text']} "
        f"({kinds['text'] / count:.4%}), {time.perf_counter() - started:.0f} s"
    )
    return int(rate > 0.0005)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [50_000, 1][len(numbers) :])))
