"""The kinds of value that settings have; each refuses what cannot be used, and never repeats it."""

import re
from base64 import b64decode
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from ostiary.kernel.database import driver_url
from ostiary.kernel.faults import Code, wrong
from ostiary.kernel.mail import MailRefused, open_mailer, sender_address
from ostiary.kernel.text import is_clean

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _to_origin(value: str) -> str:
    parts = urlsplit(value)
    # Its port raises where it is out of range.
    is_host = _HOST.fullmatch(parts.netloc) and parts.port != 0
    has_more = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not is_host or has_more:
        raise wrong(Code.MALFORMED, "use http://host or https://host, with :port where it has one.")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _to_key(value: SecretStr) -> SecretStr:
    try:
        is_key = len(b64decode(value.get_secret_value(), validate=True)) == 32
    except ValueError:
        is_key = False
    if not is_key:
        raise wrong(
            Code.MALFORMED, "use the base64 of 32 random bytes: openssl rand -base64 32 makes one."
        )
    return value


def _to_network(value: object) -> object:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value), strict=False)
    except ValueError:
        raise wrong(Code.MALFORMED, "use addresses or networks such as 10.0.0.0/8.") from None


def _check_database(value: str) -> str:
    driver_url(value)
    return value


def _check_redis(value: str) -> str:
    if value == "memory://":
        return value
    try:
        is_redis = urlsplit(value).scheme in ("redis", "rediss")
    except ValueError:
        is_redis = False
    if not is_redis:
        raise wrong(Code.MALFORMED, "use memory://, redis://host or rediss://host.")
    # Imported here: settings without a Redis server do not load its client.
    from ostiary.kernel.redis import check_redis_url

    check_redis_url(value)
    return value


def _check_mail(value: str) -> str:
    open_mailer(value, sender="")
    return value


def _check_sender(value: str) -> str:
    try:
        is_sender = is_clean(value) and (not value or bool(sender_address(value)))
    except MailRefused:
        is_sender = False
    if not is_sender:
        raise wrong(Code.MALFORMED, "use an email address, or Name <address>.")
    return value


def _check_folder(value: str) -> str:
    if value and not Path(value).is_dir():
        raise wrong(Code.MALFORMED, "use the path of an existing folder.")
    return value


def _check_template(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise wrong(Code.MALFORMED, "use a URL such as https://app.example/verify?token={token}.")
    if value.count("{token}") != 1 or "{token}" in parts.netloc:
        raise wrong(Code.MALFORMED, "write {token} once, behind the host.")
    return value


LinkTemplate = Annotated[str, AfterValidator(_check_template)]
Origin = Annotated[str, AfterValidator(_to_origin)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_to_network)]
SecretKey = Annotated[SecretStr, AfterValidator(_to_key)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split)]
SecretKeys = Annotated[tuple[SecretKey, ...], BeforeValidator(_split)]
DatabaseUrl = Annotated[str, AfterValidator(_check_database)]
RedisUrl = Annotated[str, AfterValidator(_check_redis)]
MailUrl = Annotated[str, AfterValidator(_check_mail)]
Sender = Annotated[str, AfterValidator(_check_sender)]
Folder = Annotated[str, AfterValidator(_check_folder)]
