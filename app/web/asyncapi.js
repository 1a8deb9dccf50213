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
  return element(
    "tr", "", element("th", required.includes(name) ? name : `${name}?`),
    element("td", typeOf(schema)), element("td", said),
  );
}

function showFrames(title, messages) {
  byId("frames").append(element("h3", title));
  for (const message of messages) {
    const schema = resolve(message.payload);
    const rows = Object.entries(schema.properties).map(([name, field]) =>
      fieldRow(name, field, schema.required ?? []));
    byId("frames").append(element(
      "details", "", element("summary", "", element("code", message.name), ` ${message.summary}`),
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
  const atEnd = answers.scrollHeight - answers.scrollTop - answers.clientHeight < 8;
  answers.append(element("li", `${mark} ${text}`));
  while (answers.childElementCount > MAX_FRAMES) answers.firstElementChild.remove();
  if (atEnd) answers.scrollTop = answers.scrollHeight;
}

function setOpen(text, isOpen) {
  state.textContent = text;
  byId("send").querySelector("button").disabled = !isOpen;
}

function open(token) {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  socket?.close();
  const opened = socket = new WebSocket(url, ["parley.v1", `bearer.${token}`]);
  opened.addEventListener("message", ({ data }) => {
    setOpen("Connected", true);
    log("←", data);
  });
  opened.addEventListener("close", ({ code, reason }) => {
    log("←", `close ${code} ${reason}`);
    if (socket === opened) setOpen(`Closed: ${code} ${reason}`, false);
  });
}

byId("connect").addEventListener("submit", async (event) => {
  event.preventDefault();
  setOpen("Logging in…", false);
  try {
    const body = new URLSearchParams(new FormData(event.target));
    const answer = await fetch("token", { method: "POST", body });
    const found = await answer.json();
    if (answer.ok) open(found.access_token);
    else setOpen(found.detail, false);
  } catch {
    setOpen("The server can't be reached.", false);
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
