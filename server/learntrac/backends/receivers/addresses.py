"""Which addresses may be reached. Pure.

A list of what is allowed, not of what is forbidden: `ipaddress` calls NAT64, 6to4, IPv4-compatible and multicast
addresses global, and any of them may end at an internal host.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNICAST = IPv6Network("2000::/3")
_NO_HOSTS = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments, 192.0.0.192 among them
            "192.88.99.0/24",  # 6to4's relays
            "168.63.129.16/32",  # Azure's own host, at a public address
            "2001::/23",  # protocol assignments, Teredo among them
            "2002::/16",  # 6to4
            "2001:db8::/32",  # for documentation
            "3fff::/20",  # for documentation
        ),
    )
)


def parse_networks(names: Iterable[str]) -> tuple[Network, ...]:
    """The networks of a setting. Raises ValueError."""
    return tuple(ip_network(name) for name in names)


def parse_address(text: str) -> Address:
    """The address, without a zone; what is written as IPv6 and means IPv4 is that. Raises ValueError."""
    found = ip_address(text.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_listed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether it is in one of these networks."""
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether it is one of a host in the internet, and leads nowhere else."""
    if is_listed(address, _NO_HOSTS) or address.is_multicast or not address.is_global:
        return False
    return isinstance(address, IPv4Address) or address in _UNICAST
