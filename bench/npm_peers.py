"""The npm packages of the JavaScript peers, installed on first use and never committed."""

import shutil
import subprocess
from pathlib import Path

from bench.generator import BUILD

_SOURCE = Path(__file__).parent / "peers" / "socketio"
# Two packages are compiled if there is no prebuilt one for this machine.
_INSTALL_SECONDS = 600


class NpmPeers:
    """A folder with the packages and the server. ``missing`` says why it can't be used."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._folder = BUILD / "npm"
        self._missing = self._prepare() if wanted else "not selected"

    def missing(self) -> str | None:
        """Why the JavaScript peers can't run here; None if they can."""
        return self._missing

    def server(self) -> list[str]:
        """The command that starts the server, without its arguments."""
        return ["node", str(self._folder / "server.js")]

    def _prepare(self) -> str | None:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                return f"{program} is not installed"
        self._folder.mkdir(parents=True, exist_ok=True)
        # Next to node_modules, where node looks for packages.
        shutil.copy(_SOURCE / "server.js", self._folder)
        wanted = (_SOURCE / "package.json").read_text()
        installed = self._folder / "installed.json"
        if installed.exists() and installed.read_text() == wanted:
            return None
        (self._folder / "package.json").write_text(wanted)
        print("Installing the npm packages of the peers ...", flush=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error"]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "npm install took too long"
        if done.returncode:
            return f"npm install failed: {done.stderr.strip()[-300:]}"
        installed.write_text(wanted)
        return None
