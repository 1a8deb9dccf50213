/**
 * `<parley-chat room="general">`: one room inside a page of another product.
 *
 * The page sets `getToken`, which is asked at each connect. Everything is in a shadow root with a
 * constructed style sheet: no cookies, no frame, nothing inline, so a strict Content-Security-Policy of
 * the page needs only the server in `script-src` and `connect-src`. Themed by `--parley-*` properties.
 */

import { Api } from "../api.js";
import { Client, Refused } from "../client/index.js";
import { removalReason } from "../format.js";
import { HistoryLoader } from "../history_loader.js";
import { BASE } from "../http.js";
import { People } from "../people.js";
import { Composer } from "./composer.js";
import { RoomLog } from "./room_log.js";
import { StateLine } from "./state_line.js";
import { CSS } from "./styles.js";

// A page that moves the element removes and adds it again.
const HISTORY = 50;
const CATCH_UP_EVENTS = 200;

export class ParleyChat extends HTMLElement {
  static observedAttributes = ["room", "server"];

  #getToken = null;
  #client = null;
  #people = null;
  #loader = null;
  #running = null;
  #isChanging = false;
  #log = new RoomLog({
    loadOlder: () => this.#load("older"),
    loadNewer: () => this.#load("newer"),
    resend: (id, again) => this.#resend(id, again),
    nameOf: (username) => this.#people?.nameOf(username) ?? username,
  });
  #state = new StateLine(() => this.#reconnect());
  #composer = new Composer((text) => this.#send(text));

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
    const client = new Client(this.#server, { getToken: this.#reporting(getToken), signal });
    this.#client = client;
    const api = new Api(() => client);
    const people = new People({ api, onChange: () => this.#onNames(people) });
    this.#people = people;
    this.#loader = new HistoryLoader(api);
    this.#log.clear(this.room);
    this.#state.start(signal);
    client.on("connection", (connection) => this.#state.onConnection(connection), { signal });
    client.on("welcome", ({ user, display_name: name }) => {
      people.learnNames({ [user]: name });
      this.#log.setUser(user);
    }, { signal });
    client.on("presence", ({ by, display_name: name }) => by && people.learnNames({ [by]: name }), { signal });
    client.on("outbox", (entries) => this.#log.setUnsent(entries.filter(({ room }) => room === this.room)), { signal });
    this.#follow(client, signal);
  }

  #stop() {
    this.#running?.ending.abort();
    this.#running = null;
    this.#client = null;
    this.#log.clear(this.room);
    this.#composer.element.hidden = true;
  }

  // The page's function; why it fails is for its developer.
  #reporting(getToken) {
    let reported = null;
    return async (asked) => {
      try {
        const token = await getToken(asked);
        reported = null;
        this.#state.onLogin({ failed: false });
        return token;
      } catch (error) {
        // It is asked again and again.
        if (String(error) !== reported) console.error("<parley-chat>: getToken has failed:", error);
        reported = String(error);
        // A request without an answer: it is the network.
        this.#state.onLogin({ failed: !(error instanceof TypeError) });
        throw error;
      }
    };
  }

  async #follow(client, signal) {
    try {
      const room = client.room(this.room, { history: HISTORY, catchUp: CATCH_UP_EVENTS, signal });
      for await (const event of room) {
        if (event.type === "joined") this.#composer.element.hidden = false;
        this.#log.apply(event);
        this.#learn(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#composer.element.hidden = true;
      this.#end(client, error);
      this.dispatchEvent(new CustomEvent("parley-error", { detail: error, bubbles: true, composed: true }));
    }
  }

  // What ends the client asks for a person, and its message is for developers.
  #end(client, error) {
    if (client.connection.state !== "stopped") {
      this.#state.end(error.code === "room_ended" ? removalReason(error.reason) : error.message, false);
      return;
    }
    console.error("<parley-chat>: the connection has ended:", error);
    this.#state.end(error.code === "unauthorized" ? "You could not be logged in." : "The chat is not available.", true);
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

  #reconnect() {
    const { wanted } = this.#running;
    if (this.#client.connection.state !== "stopped") {
      this.#client.wake();
      return;
    }
    this.#stop();
    this.#start(wanted);
  }

  /** @param which "older" or "newer" than what is shown */
  async #load(which) {
    const people = this.#people;
    try {
      await this.#loader[which](this.#log.room);
      this.#log.onLoaded();
      this.#onNames(people);
    } catch ({ message }) {
      if (people === this.#people) this.#state.notice(message);
    }
  }

  #send(text) {
    if (this.#client === null) return false;
    try {
      this.#client.queue(this.room, text);
    } catch (error) {
      this.#state.notice(error instanceof Refused ? error.message : "Not connected.");
      return false;
    }
    this.#log.toEnd();
    return true;
  }

  #resend(id, again) {
    if (again) this.#client?.retry(id);
    else this.#client?.discard(id);
  }

  #build() {
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(this.#log.element, this.#state.element, this.#composer.element);
  }
}
