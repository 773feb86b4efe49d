#!/bin/sh
# Makes .venv from a lock and links this checkout's packages into it.
# Usage: install.sh LOCK PYTHON PACKAGE…   (LOCK: run, or dev, which holds all of run)
#
# The lock is complete, so nothing is resolved: pip before 23.3 applies a pin of `coverage` not to
# `coverage[toml]`, takes the newest release and stops. `pip check` then tells whether it was complete.
set -eu
lock=requirements/$1.txt python=$2
shift 2
bin=.venv/bin
here=$(pwd)

# .venv is made anew where it was made in another folder, with another Python or from another lock.
is_current() {
  [ "$(cat .venv/folder 2>/dev/null)" = "$here" ] && $bin/python -c '' 2>/dev/null || return 1
  [ -z "$python" ] || [ "$(cat .venv/python 2>/dev/null)" = "$python" ] || return 1
  for installed in run.txt dev.txt; do
    [ ! -f ".venv/$installed" ] || cmp -s "requirements/$installed" ".venv/$installed" || return 1
  done
}
if ! is_current; then
  found=$(sh tools/find-python.sh "$python")
  echo "Making .venv with $found ($("$found" -c 'import platform; print(platform.python_version())'))"
  "$found" -m venv --clear .venv
  printf '%s\n' "$python" >.venv/python
  printf '%s\n' "$here" >.venv/folder
fi
pip() { PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $bin/python -m pip "$@"; }
count=$(grep -c '==' "$lock")
echo "Installing $count packages from $lock"
pip install --quiet --no-deps --require-hashes -r "$lock"
for package in "$@"; do
  pip install --quiet --no-deps --no-build-isolation --editable "$package"
  $bin/python -m compileall -q "$package/src"
done
pip check >.venv/check.log || { cat .venv/check.log >&2; echo "$lock is not complete: see above" >&2; exit 1; }
cp "$lock" .venv/
