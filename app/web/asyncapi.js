/**
 * The page at /asyncapi: lists the frames of asyncapi.json, and sends them.
 *
 * Everything from the document or the socket is inserted as text.
 */

// Frames that the log keeps. The oldest are dropped.
const MAX_FRAMES = 500;

const byId = (id) => document.getElementById(id);
const state = byId("state");
let api;
let socket;

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

/** A sentence of the document: `code` is in backticks. */
function sentence(name, text) {
  const parts = text.split("`").map((part, index) => (index % 2 === 1 ? element("code", part) : part));
  return element(name, "", ...parts);
}

const resolve = ({ $ref }) =>
  $ref.slice(2).split("/").reduce((part, key) => part[key.replaceAll("~1", "/")], api);

/** The schema that matters: of null and something, the something. */
function plain(schema) {
  const target = schema.$ref ? resolve(schema) : schema;
  return target.anyOf?.find((each) => each.type !== "null") ?? target;
}

function typeOf(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.$ref ? resolve(schema).title : (schema.format ?? schema.type ?? "any");
}

function sample(name, schema) {
  const found = plain(schema);
  if (found.const !== undefined) return found.const;
  if (name === "room") return "general";
  if (name === "emoji") return "👍";
  if (found.type === "integer") return found.minimum ?? 0;
  return { boolean: true, string: name === "text" ? "hi" : "", object: {}, array: [] }[found.type];
}

// Frames

function fieldRow(name, schema, required) {
  const said = schema.description ?? plain(schema).description ?? "";
  const field = element("th", "", element("code", required.includes(name) ? name : `${name}?`));
  field.scope = "row";
  return element(
    "tr", "", field, element("td", "", element("code", typeOf(schema))), sentence("td", said),
  );
}

function showFrames(title, messages) {
  byId("frames").append(element("h3", title));
  for (const message of messages) {
    const schema = resolve(message.payload);
    const rows = Object.entries(schema.properties).map(([name, field]) =>
      fieldRow(name, field, schema.required ?? []));
    const said = sentence("span", message.summary);
    said.className = "hint";
    byId("frames").append(element(
      "details", "", element("summary", "", element("code", message.name), said),
      element("table", "", ...rows),
    ));
  }
}

// Console

function fillIn() {
  const inChannel = resolve(api.operations[byId("kind").value].messages[0]);
  const schema = resolve(resolve(inChannel).payload);
  const wanted = new Set(["type", "room", ...(schema.required ?? [])]);
  const fields = Object.entries(schema.properties).filter(([name]) => wanted.has(name));
  const frame = Object.fromEntries(fields.map(([name, field]) => [name, sample(name, field)]));
  const { type, ...others } = frame;
  byId("frame").value = JSON.stringify({ type, id: crypto.randomUUID(), ...others }, null, 2);
}

function log(mark, text) {
  const answers = byId("answers");
  const list = answers.firstElementChild;
  const atEnd = answers.scrollHeight - answers.scrollTop - answers.clientHeight < 8;
  const shown = element("span", mark);
  shown.className = "mark";
  const row = element("li", "", shown, element("span", text));
  row.className = mark === "→" ? "sent" : "received";
  list.append(row);
  while (list.childElementCount > MAX_FRAMES) list.firstElementChild.remove();
  if (atEnd) answers.scrollTop = answers.scrollHeight;
}

/** `kind`: "waiting", "open", "closed" or "failed". */
function show(kind, text) {
  state.textContent = text;
  state.dataset.state = kind;
  byId("send").querySelector("button").disabled = kind !== "open";
}

function open(token) {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  socket?.close();
  const opened = socket = new WebSocket(url, ["parley.v1", `bearer.${token}`]);
  opened.addEventListener("message", ({ data }) => {
    show("open", "Connected");
    log("←", data);
  });
  opened.addEventListener("close", ({ code, reason }) => {
    log("←", `close ${code} ${reason}`);
    if (socket === opened) show("failed", `Closed: ${code} ${reason}`);
  });
}

byId("connect").addEventListener("submit", async (event) => {
  event.preventDefault();
  show("waiting", "Logging in…");
  try {
    const body = new URLSearchParams(new FormData(event.target));
    const answer = await fetch("token", { method: "POST", body });
    const found = await answer.json();
    if (answer.ok) open(found.access_token);
    else show("failed", found.detail);
  } catch {
    show("failed", "The server can't be reached.");
  }
});

byId("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("frame").value;
  try {
    // One line, as others see it; what is no JSON is sent as it is, to see the answer.
    socket.send(JSON.stringify(JSON.parse(text)));
  } catch {
    socket.send(text);
  }
  log("→", text.replaceAll(/\s*\n\s*/g, " "));
  // The id is the idempotency key: another frame needs another one.
  byId("frame").value = text.replace(/("id": ")[^"]*/, `$1${crypto.randomUUID()}`);
});

const answer = await fetch("asyncapi.json");
api = await answer.json();
const received = Object.entries(api.operations).filter(([, each]) => each.action === "receive");
byId("kind").append(...received.map(([name]) => element("option", name)));
byId("kind").addEventListener("change", fillIn);
byId("kind").value = "send";
fillIn();
const messages = Object.entries(api.components.messages);
showFrames("Requests", messages.filter(([key]) => key.startsWith("request.")).map(([, m]) => m));
showFrames("Answers, signals and events",
  messages.filter(([key]) => key.startsWith("sent.")).map(([, m]) => m));
