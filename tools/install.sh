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
pip() { PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $bin/python -m pip --quiet "$@"; }
count=$(grep -c '==' "$lock")
echo "Installing $count packages from $lock"
# pip asks for one package after the other, and compiles on one core: four ask, all cores compile.
wheels=.venv/wheels
rm -rf $wheels && mkdir $wheels
awk '/^[^ #]/ { n++ } { print > (folder "/" n % 4 ".txt") }' folder=$wheels "$lock"
running=''
for part in "$wheels"/*.txt; do
  pip download --no-deps --require-hashes --dest $wheels -r "$part" &
  running="$running $!"
done
for process in $running; do wait "$process"; done
pip install --no-index --find-links $wheels --no-deps --require-hashes --no-compile -r "$lock"
rm -rf $wheels
for package in "$@"; do
  pip install --no-deps --no-build-isolation --editable "$package"
done
$bin/python -m compileall -qq -j 0 .venv/lib || true  # as pip: some packages ship what does not compile
for package in "$@"; do $bin/python -m compileall -q "$package/src"; done
$bin/python -m pip check >.venv/check.log || { cat .venv/check.log >&2; echo "$lock is not complete: see above" >&2; exit 1; }
cp "$lock" .venv/
