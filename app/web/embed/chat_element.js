/**
 * `<parley-chat room="general">`: one room inside a page of another product.
 *
 * The page sets `getToken`, which is asked at each connect. Everything is in a shadow root with a
 * constructed style sheet: no cookies, no frame, nothing inline, so a strict Content-Security-Policy of
 * the page needs only the server in `script-src` and `connect-src`. Themed by `--parley-*` properties.
 */

import { Api } from "../api.js";
import { Client, Refused } from "../client/index.js";
import { make, textButton } from "../dom.js";
import { removalReason } from "../format.js";
import { BASE } from "../http.js";
import { People } from "../people.js";
import { RoomLog } from "./room_log.js";
import { CSS } from "./styles.js";

// A page that moves the element removes and adds it again.
const HISTORY = 50;
const CATCH_UP_EVENTS = 200;

// Shorter outages are over before they are read.
const OFFLINE_AFTER_MS = 2_000;

export class ParleyChat extends HTMLElement {
  static observedAttributes = ["room", "server"];

  #getToken = null;
  #client = null;
  #people = null;
  #running = null;
  #isChanging = false;
  #offlineTimer = null;
  #log = new RoomLog({
    loadOlder: (before) => this.#loadOlder(before),
    resend: (id, again) => this.#resend(id, again),
    nameOf: (username) => this.#people?.nameOf(username) ?? username,
  });
  #status = make("p", "status");
  #field = make("textarea");
  #form = make("form", "composer");

  constructor() {
    super();
    this.#build();
    // Set before the element was defined.
    if (Object.hasOwn(this, "getToken")) {
      const { getToken } = this;
      delete this.getToken;
      this.getToken = getToken;
    }
  }

  /** async ({stale}) → an access token for the user of the page. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    this.#change();
  }

  get room() {
    return this.getAttribute("room") ?? "";
  }

  set room(name) {
    this.setAttribute("room", name);
  }

  connectedCallback() {
    this.#change();
  }

  disconnectedCallback() {
    this.#change();
  }

  attributeChangedCallback() {
    this.#change();
  }

  // Internal

  // Once for all that a framework changes in one turn.
  #change() {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      const wanted = this.isConnected && this.room && this.#getToken ? `${this.room} ${this.#server}` : null;
      if (wanted === this.#running?.wanted && this.#getToken === this.#running?.getToken) return;
      this.#stop();
      if (wanted !== null) this.#start(wanted);
    });
  }

  get #server() {
    return this.getAttribute("server") ?? BASE.href;
  }

  #start(wanted) {
    const ending = new AbortController();
    const { signal } = ending;
    const getToken = this.#getToken;
    this.#running = { wanted, getToken, ending };
    const client = new Client(this.#server, { getToken: (asked) => getToken(asked), signal });
    this.#client = client;
    const people = new People({ api: new Api(() => client), onChange: () => this.#onNames(people) });
    this.#people = people;
    this.#log.clear();
    this.#say("Connecting…");
    client.on("connection", (connection) => this.#onConnection(connection), { signal });
    client.on("welcome", ({ user, display_name: name }) => {
      people.learnNames({ [user]: name });
      this.#log.setUser(user);
    }, { signal });
    client.on("presence", ({ by, display_name: name }) => by && people.learnNames({ [by]: name }), { signal });
    client.on("outbox", (entries) => this.#log.setUnsent(entries.filter(({ room }) => room === this.room)), { signal });
    this.#follow(client, signal);
  }

  #stop() {
    clearTimeout(this.#offlineTimer);
    this.#running?.ending.abort();
    this.#running = null;
    this.#client = null;
    this.#log.clear();
    this.#form.hidden = true;
  }

  async #follow(client, signal) {
    try {
      const room = client.room(this.room, { history: HISTORY, catchUp: CATCH_UP_EVENTS, signal });
      for await (const event of room) {
        if (event.type === "joined") this.#form.hidden = false;
        this.#log.apply(event);
        this.#learn(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#form.hidden = true;
      this.#say(error.code === "room_ended" ? removalReason(error.reason) : error.message);
      this.dispatchEvent(new CustomEvent("parley-error", { detail: error, bubbles: true, composed: true }));
    }
  }

  // The names of those who are present come with `joined`; those of other members, and of authors who
  // have left, are asked for.
  #learn(event) {
    const people = this.#people;
    if (event.type === "joined") people.learnNames(event.display_names ?? {});
    else if (event.type === "caught_up") people.membersOf({ name: this.room, membersVersion: 0 });
    else if (event.type === "message.created" && this.#log.isCaughtUp) people.load([event.by]);
  }

  #onNames(people) {
    if (people !== this.#people) return;
    people.load(this.#log.authors);
    this.#log.redraw();
  }

  #onConnection({ state, reason }) {
    clearTimeout(this.#offlineTimer);
    if (state === "online") this.#say("");
    else if (state === "stopped") this.#say(reason ?? "Not connected.");
    else this.#offlineTimer = setTimeout(() => this.#say("Not connected. Trying again…"), OFFLINE_AFTER_MS);
  }

  async #loadOlder(before) {
    const client = this.#client;
    const room = this.room;
    try {
      const page = await client.http("GET", `rooms/${encodeURIComponent(room)}/messages`, { query: { before, limit: HISTORY } });
      if (client !== this.#client) return;
      this.#log.addOlder(page);
      this.#onNames(this.#people);
    } catch ({ message }) {
      if (client === this.#client) this.#say(message);
    }
  }

  #send() {
    const text = this.#field.value;
    if (text.trim() === "" || this.#client === null) return;
    try {
      this.#client.queue(this.room, text);
    } catch (error) {
      this.#say(error instanceof Refused ? error.message : "Not connected.");
      return;
    }
    this.#field.value = "";
    this.#log.toEnd();
  }

  #resend(id, again) {
    if (again) this.#client?.retry(id);
    else this.#client?.discard(id);
  }

  #say(sentence) {
    this.#status.textContent = sentence;
    this.#status.hidden = sentence === "";
  }

  #build() {
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    this.#status.setAttribute("role", "status");
    this.#field.rows = 1;
    this.#field.placeholder = "Write a message";
    this.#field.setAttribute("aria-label", "Message");
    this.#form.part = "composer";
    this.#form.hidden = true;
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    const button = textButton("Send", () => {}, "primary");
    button.type = "submit";
    this.#form.append(this.#field, button);
    shadow.append(this.#log.element, this.#status, this.#form);
  }
}
