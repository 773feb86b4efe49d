#!/bin/sh
# Build the container's image and try it, in namespaces of this run's own: its mounts and its network
# end with it, and it reaches nothing that runs on this machine. Needs root, buildah and debootstrap.
set -eu
cd "$(dirname "$0")/.."
for program in buildah debootstrap ip unshare; do
  command -v "$program" >/dev/null || {
    echo "test-container needs $program (Debian: apt-get install buildah debootstrap iproute2)" >&2
    exit 1
  }
done
export TEST_CONTAINER
TEST_CONTAINER=$(mktemp -d /var/tmp/ostiary-container.XXXXXX)
trap 'rm -rf --one-file-system "$TEST_CONTAINER"' EXIT
unshare --mount .venv/bin/python tools/container_image.py "$TEST_CONTAINER"
unshare --mount --net sh -c 'ip link set lo up && exec "$@"' sh \
  .venv/bin/python -m pytest -n 0 -m container "$@" ostiary/tests/container
