"""Where a request came from: what events and sessions remember of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The sender of one request.

    `ip_address` is the client's, after the trusted-proxy rule; `network` is what budgets
    count against: the address itself, or its /64 for IPv6.
    """

    ip_address: str
    network: str
    user_agent: str
    request_id: str


LOCAL = Origin(ip_address="", network="local", user_agent="", request_id="")
"""The origin of what the command line does: no address, no request."""
