/**
 * The state of the connection: announced always, in sight only while it is bad.
 */

import { byId, setText } from "./dom.js";

const SENTENCES = {
  connecting: "Connecting…",
  offline: "You are offline. What you write is sent when you are back.",
  online: "Connected",
  waiting: "Reconnecting…",
  stopped: "Not connected",
};

export class ConnectionBanner {
  #wasOnline = false;

  /** @param reconnect called at the user's request. */
  constructor(reconnect) {
    byId("reconnect").addEventListener("click", reconnect);
  }

  draw({ state, reason }) {
    const shown = this.#shown(state);
    const text = state === "stopped" && reason ? `${SENTENCES.stopped}: ${reason}` : SENTENCES[shown];
    byId("connection").dataset.state = shown;
    setText(byId("connection-text"), text);
    byId("reconnect").hidden = state !== "stopped" && shown !== "waiting";
  }

  clear() {
    this.#wasOnline = false;
  }

  // Internal

  // Attempts to reconnect come and go: only their outcome is worth announcing.
  #shown(state) {
    if (state === "online") this.#wasOnline = true;
    if (state === "online" || state === "stopped") return state;
    if (!navigator.onLine) return "offline";
    return this.#wasOnline ? "waiting" : state;
  }
}
