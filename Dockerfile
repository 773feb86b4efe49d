# Ostiary on Debian 13's own Python, in a root that holds nothing else.
#
# The second stage starts from nothing and takes what Python needs out of Debian's packages: there is
# no shell, no package manager and no pip in the image, so a security fix concerns few files, and an
# intruder finds few tools. python:3.12-slim alone is about as large as this whole image. The versions
# are Debian's; `docker build --pull --no-cache` takes its security fixes in.
#
# docs/how-to/run-in-a-container.md says how to run it.

FROM debian:trixie-slim AS build

# For a package index of your own: --build-arg PIP_INDEX_URL=…, or wheels from a folder.
ARG PIP_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_NO_INDEX

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      binutils ca-certificates libstdc++6 openssl-provider-legacy python3 python3-venv

# Each file of the lock is checked against its hash here; from here on nothing else is installed.
WORKDIR /source
COPY requirements/run.txt requirements/run.txt
RUN python3 -m venv /tools \
 && /tools/bin/pip download --quiet --require-hashes --no-deps --only-binary :all: \
      --dest /wheels --requirement requirements/run.txt

# What the lock holds to build the wheel (hatchling) stays behind in /tools.
COPY ostiary ostiary
RUN /tools/bin/pip install --quiet --no-index --find-links /wheels hatchling \
 && /tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels ./ostiary \
 && python3 -m venv --without-pip /opt/ostiary \
 && /tools/bin/pip --python /opt/ostiary/bin/python install --quiet --no-index --find-links /wheels \
      --compile 'ostiary[postgres]' \
 && /tools/bin/pip --python /opt/ostiary/bin/python check

# The packages' files, and their entries where scanners for known faults look (status.d). Debian
# compiles Python's modules when a package is installed, so the compiled files are made here.
RUN set -e; mkdir -p /image/var/lib/dpkg/status.d; \
    for package in base-files ca-certificates libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 \
        liblzma5 libncursesw6 libpython3.13-minimal libpython3.13-stdlib libreadline8t64 \
        libsqlite3-0 libssl3t64 libstdc++6 libtinfo6 libuuid1 libzstd1 media-types netbase \
        openssl-provider-legacy python3-minimal python3.13-minimal zlib1g; do \
      dpkg-query --status "$package" > "/image/var/lib/dpkg/status.d/$package"; \
      dpkg-query --listfiles "$package"; \
    done | grep -vE '^/\.$|^/usr/share/(doc|doc-base|man|lintian|bug)/' | sort -u \
    | tar --create --no-recursion --files-from - | tar --extract --directory /image; \
    cp -a --parents /etc/ssl/certs /opt/ostiary /image

# Left out: debug symbols (42 MB), Babel's tables for languages that Ostiary does not speak (30 MB),
# glibc's converters for character sets other than UTF-8 (9 MB), tests, and dbm on Berkeley DB.
RUN set -e; cd /image/opt/ostiary/lib/python3.13/site-packages; \
    find . -name '*.so*' -type f -exec strip --strip-unneeded {} +; \
    languages=$(find ostiary -name '*.po' -printf '%f\n' | sed 's/\.po$//' | sort -u); \
    for language in root en $languages; do mv babel/locale-data/"$language".dat .; done; \
    rm babel/locale-data/*.dat; mv ./*.dat babel/locale-data/; \
    rm -r /image/usr/lib/*/gconv aiosqlite/tests greenlet/tests sqlalchemy/testing; \
    cd /image/usr/lib/python3.13; rm -rf lib-dynload/_dbm.* ensurepip idlelib pydoc_data test turtledemo; \
    python3 -m compileall -q -s /image /image/usr/lib/python3.13

# Everything that the server writes belongs to uid 10001.
RUN install --directory --owner 10001 --group 10001 --mode 0700 /image/var/lib/ostiary \
 && printf 'root:x:0:0::/:/nonexistent\nostiary:x:10001:10001::/var/lib/ostiary:/nonexistent\n' \
      > /image/etc/passwd \
 && printf 'root:x:0:\nostiary:x:10001:\n' > /image/etc/group

FROM scratch
LABEL org.opencontainers.image.title="Ostiary" \
      org.opencontainers.image.description="A self-hosted identity platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

COPY --from=build /image /

# Everything that is written is in this folder; the rest may be read-only.
ENV PATH=/opt/ostiary/bin:/usr/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    OSTIARY_DATABASE_URL=sqlite:////var/lib/ostiary/ostiary.db
WORKDIR /var/lib/ostiary
VOLUME /var/lib/ostiary
USER 10001:10001

# Links in messages need an address that people can reach: set OSTIARY_PUBLIC_URL.
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/opt/ostiary/bin/python", "-I", "-S", "-c", "import http.client as http; connection = http.HTTPConnection('127.0.0.1', 8000, timeout=4); connection.request('GET', '/health/live'); raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["ostiary"]
CMD ["serve", "--host", "0.0.0.0"]
