"""Whose address it is: for limits that are shared by what belongs to one subscriber."""

from ipaddress import IPv6Address, ip_address

# An IPv6 subscriber is given a whole network of this prefix length, not one address.
_IPV6_SUBSCRIBER_BITS = 64


def subscriber(address: str) -> str:
    """The address; for IPv6 the network of its subscriber. What is no address stays as it is."""
    if ":" not in address:
        return address
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    assert isinstance(ip, IPv6Address)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Address(int(ip) >> _IPV6_SUBSCRIBER_BITS << _IPV6_SUBSCRIBER_BITS))
