"""Fail where the slices that decide who gets in have fewer of their branches tested than 90 %."""

import json
import sys
from pathlib import Path

FLOOR = 90.0
SLICES = ("sessions", "signin")


def main(report: str) -> None:
    """Compare the coverage report (`coverage json`) with the floor."""
    files = json.loads(Path(report).read_text())["files"]
    below = []
    for slice_ in SLICES:
        mine = [one["summary"] for name, one in files.items() if f"/ostiary/{slice_}/" in name]
        all_branches = sum(one["num_branches"] for one in mine)
        covered = sum(one["covered_branches"] for one in mine)
        percent = 100 * covered / all_branches
        print(f"{slice_}: {covered} of {all_branches} branches, {percent:.1f} %")
        if percent < FLOOR:
            below.append(slice_)
    if below:
        sys.exit(f"under the floor of {FLOOR} %: {', '.join(below)}")


if __name__ == "__main__":
    main(sys.argv[1])
