/**
 * The panes of the page by name, as `SidePane` shows them.
 */

import { path } from "../http.js";
import { MembersPane } from "./members_pane.js";
import { PinsPane } from "./pins_pane.js";
import { SearchPane } from "./search_pane.js";

// Pinned messages that are listed, the newest: the server's largest page.
const PINS = 200;

/**
 * @param chat () → the `Chat`.
 * @param on `{attempt(work), openProfile(username), open(room, seq)}`
 */
export function newPanes({ api, chat, on }) {
  const nameOf = (username) => chat().people.nameOf(username);
  return {
    people: new MembersPane({
      addMember: (username) => api.put(path`rooms/${chat().current.name}/members/${username}`),
      leave: () => on.attempt(() => chat().leave()),
      openProfile: on.openProfile,
      attempt: on.attempt,
    }),
    search: new SearchPane({ search: (query) => api.get("search", query), nameOf, open: on.open }),
    pins: new PinsPane({
      pins: async (room) => (await api.get(path`rooms/${room.name}/pins`, { limit: PINS })).messages, nameOf, open: on.open,
    }),
  };
}
