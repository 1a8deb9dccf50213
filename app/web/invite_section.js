/**
 * Inviting people to a room with a link: making one, and revoking those there are.
 */

import { field, formOf, input, select } from "./dialog.js";
import { iconButton, make } from "./dom.js";
import { path } from "./http.js";

const EXPIRIES = [["86400", "A day"], ["604800", "A week"], ["2592000", "30 days"], ["", "Without an end"]];

export function inviteSection(room, { api, on }) {
  const section = make("section", "", make("h3", "", "Invite people"));
  const where = path`rooms/${room.name}/invites`;
  const expires = select("expires", EXPIRIES, "604800");
  const uses = input("uses", "", { type: "number", min: "1", placeholder: "Any number" });
  const made = make("div", "");
  const list = make("div", "");
  const refresh = () => on.attempt(async () => {
    const invites = await api.list(where, "invites");
    list.replaceChildren(...invites.map((invite) => inviteRow(invite, async () => {
      if (await on.attempt(() => api.delete(path`rooms/${room.name}/invites/${invite.id}`))) await refresh();
    })));
  });
  const row = make("div", "pair", field("Valid for", expires), field("Uses", uses));
  formOf(section, [row], "Create link", async () => {
    const invite = await api.post(where, {
      ...(expires.value && { expires_in: Number(expires.value) }), ...(uses.value && { max_uses: Number(uses.value) }),
    });
    made.replaceChildren(field("Link", linkField(invite.code), "It is shown only now."));
    await refresh();
  });
  section.append(made, list);
  refresh();
  return section;
}

function linkField(code) {
  const link = input("link", new URL(`#invite/${code}`, location.href).href, { readonly: "" });
  link.addEventListener("focus", () => link.select());
  return link;
}

function inviteRow({ created_by: by, expires_at: expires, max_uses: max, uses }, revoke) {
  const used = max === null ? `${uses} used` : `${uses} of ${max} used`;
  const until = expires === null ? "without an end" : `until ${new Date(expires).toLocaleDateString()}`;
  return make(
    "div", "list-row", make("span", "grow", make("span", "", `By ${by}`), make("span", "hint", `${used}, ${until}`)),
    iconButton("trash", `Revoke the invite by ${by}`, revoke),
  );
}
