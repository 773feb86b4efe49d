#!/bin/sh
# Prints the Python that .venv is made with: the first that runs, is 3.11 or newer and can make
# virtual environments. Without one, says on standard error what to install on this system.
# Usage: find-python.sh [PYTHON], where PYTHON is a command or a path; it is then the only one tried.
set -u

suits='
import sys
if sys.version_info < (3, 11):
    sys.exit("is Python %d.%d; 3.11 or newer is needed" % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError:
    sys.exit("is Python %d.%d without its venv module" % sys.version_info[:2])
'

advice() {
  system=$(uname -s)
  ID='' ID_LIKE='' VERSION_ID=''
  os_release=${OS_RELEASE:-/etc/os-release}
  # shellcheck disable=SC1090
  if [ "$system" = Linux ] && [ -r "$os_release" ]; then . "$os_release"; fi
  major=${VERSION_ID%%.*}
  case "$system $ID $ID_LIKE" in
    Darwin*) echo "macOS: brew install python@3.13" ;;
    *' debian '*) if [ "${major:-99}" -ge 12 ]; then echo "Debian: apt-get install python3-venv"; else
      echo "Debian $VERSION_ID has no Python 3.11. Upgrade to Debian 12, or build Python from https://www.python.org/downloads/"; fi ;;
    *' ubuntu '*) if [ "${major:-99}" -ge 24 ]; then echo "Ubuntu: apt-get install python3-venv"; else
      echo "Ubuntu $VERSION_ID: apt-get install python3.11-venv"; fi ;;
    *debian*) echo "apt-get install python3-venv" ;;
    *' fedora '*) echo "Fedora: dnf install python3" ;;
    *rhel* | *fedora* | *centos* | *amzn*) echo "dnf install python3.11" ;;
    *alpine*) echo "Alpine: apk add python3" ;;
    *arch*) echo "Arch: pacman -S python" ;;
    *suse*) echo "openSUSE: zypper install python311" ;;
    FreeBSD*) echo "FreeBSD: pkg install python311" ;;
    *) echo "see https://www.python.org/downloads/" ;;
  esac
}

named=${1:-}
[ -n "$named" ] || set -- python3 python3.14 python3.13 python3.12 python3.11 python
refused=''
for candidate in "$@"; do
  if ! command -v "$candidate" >/dev/null 2>&1; then
    [ -z "$named" ] || refused="$refused
  $candidate does not exist"
    continue
  fi
  if why=$("$candidate" -c "$suits" 2>&1); then
    command -v "$candidate"
    exit 0
  fi
  case $why in
    is\ Python*) refused="$refused
  $(command -v "$candidate") $why" ;;
    # Such as a name that a version manager lists and has not switched on.
    *) [ -z "$named" ] || refused="$refused
  $(command -v "$candidate") does not run: $(printf '%s' "$why" | head -n 1)" ;;
  esac
done

{
  if [ -n "$named" ]; then
    echo "PYTHON=$named cannot be used. Ostiary needs Python 3.11 or newer with its venv module.$refused"
    echo "Name another one, or leave PYTHON out to use what is installed."
  else
    echo "Ostiary needs Python 3.11 or newer with its venv module, and found none.$refused"
    echo "Install one, then run make again:"
    echo "  $(advice)"
    echo "A Python in another place: make run PYTHON=/path/to/python3"
  fi
} >&2
exit 1
