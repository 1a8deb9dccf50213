// Sends and listens through a network that a test breaks. Reads from stdin how many messages it may
// have sent by now, writes a line when it is connected, and then what it has heard as JSON.

import { createInterface } from "node:readline";

import { Client } from "../../clients/javascript/src/index.js";

const [url, username, password, room, total] = process.argv.slice(2);
const limits = { backoffMinMs: 10, backoffMaxMs: 50, unreachableRetryMs: 20, handshakeMs: 500, pongMs: 200, closeMs: 500, retryMs: 10 };

let allowed = 0;
let wake = () => {};
createInterface({ input: process.stdin }).on("line", (line) => {
  allowed = Number(line);
  wake();
});

const chat = new Client(url, { username, password, limits });
await chat.open();
const events = chat.room(room, { since: 0 });
console.log("connected");

async function listen() {
  const heard = [];
  for await (const event of events) {
    if (event.type === "message.created") heard.push(event.text);
    if (heard.length === Number(total)) return heard;
  }
  return heard;
}

async function send() {
  const sending = [];
  while (sending.length < Number(total)) {
    if (sending.length >= allowed) await new Promise((resolve) => { wake = resolve; });
    // The client refuses more than 1,000 that wait.
    const upTo = Math.min(allowed, Number(total), sending.length + 500);
    while (sending.length < upTo) sending.push(chat.send(room, String(sending.length), { ms: 600_000 }));
    await Promise.all(sending);
  }
  return (await Promise.all(sending)).map(({ seq }) => seq);
}

const [heard, seqs] = await Promise.all([listen(), send()]);
await chat.close();
console.log(JSON.stringify({ heard, seqs }));
// Nothing is left that keeps the process: it ends by itself.
process.stdin.destroy();
