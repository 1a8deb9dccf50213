/**
 * The members of the room, those who are online first; adding one; leaving.
 */

import { avatar } from "../avatar.js";
import { make, reconcile, textButton } from "../dom.js";
import { input } from "../dialog.js";

export class MembersPane {
  body = make("div", "pane");

  #lists = new Map();
  #form;
  #openProfile;
  #leave;

  /** @param on `{addMember(username), leave(), openProfile(username), attempt(work)}` */
  constructor(on) {
    const scroll = make("div", "pane-body");
    for (const name of ["Online", "Offline", "Members"]) {
      const heading = make("h3", "", name);
      heading.id = `people-${name.toLowerCase()}`;
      const list = make("ul", "");
      list.setAttribute("aria-labelledby", heading.id);
      scroll.append(heading, list);
      this.#lists.set(name, { heading, list, rendered: new Map() });
    }
    this.#form = this.#addForm(on);
    this.#leave = make("footer", "bar", textButton("Leave this room", on.leave, "danger-text"));
    this.body.append(scroll, this.#form, this.#leave);
    this.#openProfile = on.openProfile;
  }

  draw(room, { people }) {
    // What is known of names may be newer than the list.
    const members = people.membersOf(room).map((member) => ({ ...member, display_name: people.nameOf(member.user) }));
    const online = members.filter(({ user }) => room.presence.has(user));
    const known = room.member && room.presence.names().length > 0;
    this.#list("Online", known ? online : [], true);
    this.#list("Offline", known ? members.filter(({ user }) => !room.presence.has(user)) : []);
    this.#list("Members", known ? [] : members);
    this.#form.hidden = !room.isModerator || room.archived;
    this.#leave.hidden = !room.member || room.kind === "direct";
  }

  // Internal

  #list(name, members, online = false) {
    const { heading, list, rendered } = this.#lists.get(name);
    heading.hidden = members.length === 0;
    heading.textContent = `${name} · ${members.length}`;
    reconcile(list, members.map((member) => ({
      key: member.user,
      version: [member.display_name, member.role, member.muted_until],
      build: () => this.#row(member, online, name === "Offline"),
    })), rendered);
  }

  #row({ user, display_name: name, role, muted_until: muted }, online, away) {
    const tags = [role !== "member" && role, muted !== null && "muted"].filter(Boolean);
    const button = textButton("", () => this.#openProfile(user), `person${away ? " away" : ""}`);
    button.append(
      avatar(user, name || user, "small"),
      online ? make("span", "online-dot") : "",
      make("bdi", "names", name || user),
      ...tags.map((tag) => make("span", "tag", tag)),
    );
    return make("li", "", button);
  }

  #addForm(on) {
    const name = input("username", "", {
      placeholder: "Username", "aria-label": "User to add", autocapitalize: "none", autocomplete: "off", spellcheck: "false", required: "",
    });
    const form = make("form", "pane-form", name, make("button", "", "Add"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      on.attempt(async () => {
        await on.addMember(name.value.trim());
        form.reset();
      });
    });
    return form;
  }
}
