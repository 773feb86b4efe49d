"""What a User-Agent says of a device, for people to recognise their sessions by."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["desktop", "mobile", "tablet", "program", "unknown"]


@dataclass(frozen=True, slots=True)
class DeviceHint:
    """A browser and a system by name; None where the User-Agent tells none."""

    browser: str | None
    os: str | None
    kind: Kind


def describe(user_agent: str) -> DeviceHint:
    """What `user_agent` claims to be. A hint: whoever sends it may claim anything."""
    # Imported here: its tables are large, and only the list of sessions needs them.
    from ua_parser import parse

    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else None
    os = found.os.family if found.os else None
    return DeviceHint(browser, os, _kind(user_agent, os))


def _kind(user_agent: str, os: str | None) -> Kind:
    if "iPad" in user_agent or ("Android" in user_agent and "Mobile" not in user_agent):
        return "tablet"
    if os in ("iOS", "Android"):
        return "mobile"
    if os is not None:
        return "desktop"
    return "program" if user_agent else "unknown"
