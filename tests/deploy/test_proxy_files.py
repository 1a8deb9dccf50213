"""The configurations of nginx and Caddy beside what Parley does; ``test_proxies.py`` runs them."""

import re

from app.domain.connection_limits import HEARTBEAT_SECONDS, KEEP_ALIVE_SECONDS, MAX_BODY_BYTES
from tests.deploy.files import DEPLOY, seconds

NGINX = (DEPLOY / "nginx/parley.conf").read_text()
CADDY = (DEPLOY / "caddy/Caddyfile").read_text()


def test_proxies_close_idle_connections_before_parley_does() -> None:
    """So that no request is sent on one that ends, which nginx would answer with a 502."""
    (in_nginx,) = re.findall(r"keepalive_timeout (\w+);", NGINX)
    (in_caddy,) = re.findall(r"keepalive (\w+)$", CADDY, re.M)

    assert seconds(in_nginx) < KEEP_ALIVE_SECONDS
    assert seconds(in_caddy) < KEEP_ALIVE_SECONDS


def test_pings_come_sooner_than_nginx_closes_what_is_idle() -> None:
    (time,) = re.findall(r"proxy_read_timeout (\w+);", NGINX)

    # Even if one is lost.
    assert seconds(time) > 2 * HEARTBEAT_SECONDS


def test_nginx_takes_larger_bodies_than_parley() -> None:
    (size,) = re.findall(r"client_max_body_size (\d+)m;", NGINX)

    assert int(size) * 1024 * 1024 > MAX_BODY_BYTES
