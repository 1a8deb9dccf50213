"""What an application installs: packed, installed in an empty folder, used, and typed."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Process
from tests.javascript.conftest import CLIENT, node, tool

pytestmark = [pytest.mark.sqlite_only, pytest.mark.slow]

BOT = """
import { Client } from "@parley/client";

const [url, username, password] = process.argv.slice(2);
const chat = new Client(url, { username, password });
const events = chat.room("general");
const { seq } = await chat.send("general", "hello");
for await (const event of events) {
  if (event.type === "message.created") {
    console.log(JSON.stringify([chat.user, event.seq === seq, event.text]));
    break;
  }
}
await chat.close();
"""

TYPED = """
import { Client, Refused, type RoomEvent } from "@parley/client";
import { readMessages } from "@parley/client/messages";

const chat = new Client("https://chat.example.org", {
  getToken: async ({ stale }) => stale ?? "t",
});

export function text(event: RoomEvent): string | null {
  return event.type === "message.created" ? event.text : null;
}

chat.on("typing", ({ room, by }) => console.log(room.length + by.length));
export async function first(): Promise<string | null> {
  for await (const { messages } of readMessages(chat, "general")) return messages[0]?.text ?? null;
  return null;
}
// @ts-expect-error: there is no such signal
chat.on("tiping", () => {});
// @ts-expect-error: a text is a string
chat.send("general", 1).catch((error) => error instanceof Refused && error.code);
"""


def run(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run(
        command,
        cwd=cwd,
        env={name: os.environ[name] for name in ("PATH", "HOME")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the package."""
    compiler = tool("tsc")
    npm = shutil.which("npm")
    assert npm is not None
    folder = tmp_path_factory.mktemp("application")
    packed = json.loads(run(npm, "pack", "--json", "--pack-destination", folder, cwd=CLIENT))
    assert Path(compiler).exists()
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    run(npm, "install", "--offline", "--no-audit", packed[0]["filename"], cwd=folder)
    return folder


def test_it_brings_nothing_else(installed: Path) -> None:
    modules = installed / "node_modules"

    assert {path.name for path in modules.iterdir() if path.name[0] != "."} == {"@parley"}
    assert {path.name for path in (modules / "@parley" / "client").iterdir()} == {
        *("LICENSE", "README.md", "package.json", "react", "src", "types"),
    }


async def test_it_is_used_from_an_empty_folder(installed: Path, process: Process) -> None:
    await process.person("empty")
    (installed / "bot.js").write_text(BOT)
    output = run(
        *(node(), "--experimental-websocket", "--no-warnings", "bot.js"),
        *(f"http://{process.address}", "empty", PASSWORD),
        cwd=installed,
    )

    assert json.loads(output) == ["empty", True, "hello"]


async def test_the_bot_of_the_readme_answers(installed: Path, process: Process) -> None:
    await process.person("echo")
    ana = await process.person("ana")
    bot = blocks("clients/javascript/README.md")[0].text
    (installed / "echo.js").write_text(bot.replace("127.0.0.1:8000", process.address))
    running = await asyncio.create_subprocess_exec(
        *(node(), "--experimental-websocket", "--no-warnings", "echo.js"), cwd=installed
    )
    try:
        said = 0
        http = process.client()
        await http.put("/rooms/general/members/ana", headers=ana.bearer)
        async with patience("an answer of the bot"):
            while True:
                # The bot answers what is said after it has come.
                said += 1
                await http.post(
                    "/rooms/general/messages", json={"text": f"hello {said}"}, headers=ana.bearer
                )
                page = await http.get("/rooms/general/messages", headers=ana.bearer)
                if any(found["by"] == "echo" for found in page.json()["messages"]):
                    break
    finally:
        running.kill()
        await running.wait()


def test_applications_in_typescript_have_its_types(installed: Path) -> None:
    (installed / "typed.ts").write_text(TYPED)

    run(
        *(tool("tsc"), "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"),
        *("--lib", "es2023,dom,dom.iterable,esnext.disposable", "typed.ts"),
        cwd=installed,
    )
