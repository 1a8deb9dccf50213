"""nginx and Caddy as Debian has them, with the files of ``deploy/``, before nodes of a test."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from websockets.asyncio.client import connect
from websockets.typing import Origin

from tests.deploy.files import DEPLOY
from tests.harness.patience import until
from tests.harness.process import Login
from tests.harness.socket_client import SocketClient
from tests.harness.sockets import RealSocket

_NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/parley.conf;
}}
"""
# No store of certificates, port or process outside of the test is touched.
_CADDY = """{
	admin off
	skip_install_trust
	auto_https disable_redirects
	default_bind 127.0.0.1
}
"""


@dataclass
class Proxy:
    """A proxy that runs, and whose certificate ``trust`` trusts."""

    name: str
    port: int
    trust: ssl.SSLContext
    certificate: Path
    log: Path

    @property
    def address(self) -> str:
        """Its name and port."""
        return f"localhost:{self.port}"

    def client(self) -> AsyncClient:
        """The HTTP API behind it, which the caller closes."""
        return AsyncClient(base_url=f"https://{self.address}", verify=self.trust)

    async def joins(
        self, who: Login, room: str, *, since: int | None = None, token_in_query: bool = False
    ) -> SocketClient:
        """Open a socket to a room through it, and wait until it has caught up."""
        token = f"token={who.token}" if token_in_query else ""
        asked = "&".join(filter(None, [token, "" if since is None else f"since={since}"]))
        connection = await connect(
            f"wss://{self.address}/ws/{room}?{asked}",
            ssl=self.trust,
            additional_headers={} if token_in_query else who.bearer,
            # As a browser on this site sends it.
            origin=Origin(f"https://{self.address}"),
            compression=None,
            ping_interval=None,
            max_queue=None,
            proxy=None,
        )
        client = SocketClient(who.name, RealSocket(connection), room, since)
        await client.catches_up()
        return client

    async def curl(self, path: str, *arguments: str) -> str:
        """Ask with curl, which speaks HTTP/2; return what it prints."""
        process = await asyncio.create_subprocess_exec(
            "curl",
            *("--silent", "--show-error", "--cacert", str(self.certificate)),
            *("--resolve", f"localhost:{self.port}:127.0.0.1"),
            *arguments,
            f"https://{self.address}{path}",
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        return printed.decode()


@asynccontextmanager
async def nginx(
    folder: Path, nodes: Sequence[str], changes: Mapping[str, str] | None = None
) -> AsyncIterator[Proxy]:
    """nginx with ``deploy/nginx/parley.conf``, in which ``changes`` are replaced, too."""
    program = _program("nginx")
    proxy = _nginx_files(folder, nodes, changes or {})
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    async with _running(proxy, [*command, "-e", str(folder / "error.log")], {}):
        yield proxy


@asynccontextmanager
async def caddy(folder: Path, nodes: Sequence[str]) -> AsyncIterator[Proxy]:
    """Caddy with ``deploy/caddy/Caddyfile``, and a certificate of its own authority."""
    program = _program("caddy")
    proxy = _caddy_files(folder)
    command = [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PARLEY_SITE": f"https://{proxy.address}",
        "PARLEY_NODES": " ".join(nodes),
    }
    async with _running(proxy, command, environment):
        # Made at its start.
        proxy.trust.load_verify_locations(proxy.certificate)
        yield proxy


def free_ports() -> tuple[int, int]:
    """Two ports on which no program listens."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def _nginx_files(folder: Path, nodes: Sequence[str], changes: Mapping[str, str]) -> Proxy:
    folder.mkdir()
    certificate, key = _certificate(folder)
    port, plain_port = free_ports()
    log = folder / "access.log"
    text = (DEPLOY / "nginx/parley.conf").read_text()
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "/etc/ssl/chat.example.org.pem": str(certificate),
        "/etc/ssl/chat.example.org.key": str(key),
        "/var/log/nginx/parley.log": str(log),
        "server 127.0.0.1:8000": f"server {nodes[0]}",
        "server 127.0.0.1:8001": f"server {nodes[1]}",
        **changes,
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "parley.conf").write_text(text)
    # Whoever runs the tests owns the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user))
    trust = ssl.create_default_context(cafile=str(certificate))
    return Proxy("nginx", port, trust, certificate, log)


def _caddy_files(folder: Path) -> Proxy:
    folder.mkdir()
    text = (DEPLOY / "caddy/Caddyfile").read_text()
    (folder / "Caddyfile").write_text(_CADDY + text)
    certificate = folder / "data/caddy/pki/authorities/local/root.crt"
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return Proxy("caddy", free_ports()[0], trust, certificate, folder / "output.log")


@asynccontextmanager
async def _running(
    proxy: Proxy, command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[None]:
    output = proxy.log.with_name("output.log")
    process = _spawn(command, environment, output)

    def listens() -> bool:
        assert process.poll() is None, output.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", proxy.port)) == 0

    try:
        await until(listens, f"{proxy.name} to start")
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _spawn(
    command: Sequence[str], environment: Mapping[str, str], output: Path
) -> subprocess.Popen[bytes]:
    with output.open("wb") as log:
        return subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "site.pem", folder / "site.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
