/**
 * A user: who they are, writing to them, blocking them, and what a moderator may
 * do with them in the room on display.
 */

import { avatar } from "./avatar.js";
import { confirm, field, openDialog, select } from "./dialog.js";
import { make, textButton } from "./dom.js";
import { path } from "./http.js";

const ROLES = [["member", "Member"], ["moderator", "Moderator"], ["owner", "Owner"]];

// Durations of a mute or a ban, in hours; 0 means without an end.
const DURATIONS = [["1", "For an hour"], ["24", "For a day"], ["168", "For a week"], ["0", "Without an end"]];
const HOUR_MS = 3_600_000;

/** @param on `{attempt(work), openDirect(username), editProfile()}` */
export async function openProfile(username, { api, chat, on }) {
  await on.attempt(async () => {
    const { current: room, me } = chat;
    const user = await api.get(path`users/${username}`);
    const member = chat.people.membersOf(room).find((one) => one.user === username) ?? null;
    const { dialog, body } = openDialog(user.display_name || user.username);
    const act = async (work) => {
      if (await on.attempt(work)) dialog.close();
    };
    body.append(facts(user, member, room));
    if (username === me) {
      body.append(textButton("Edit profile", () => act(async () => on.editProfile())));
      return;
    }
    const block = async () => {
      const sure = await confirm(`Block ${username}?`, "They can no longer write to you directly. You can unblock them in the settings.", "Block");
      if (sure) await act(() => api.put(path`users/me/blocks/${username}`));
    };
    body.append(make(
      "div", "row", textButton("Message", () => act(() => on.openDirect(username)), "primary"),
      textButton("Block", block, "danger-text"),
    ));
    if (room.isModerator && !room.archived) body.append(moderation({ user, member, room, api, act }));
  });
}

function facts({ username, display_name: name, created_at: created }, member, room) {
  const list = make("dl", "facts", make("dt", "", "Username"), make("dd", "", `@${username}`));
  list.append(make("dt", "", "Here since"), make("dd", "", new Date(created).toLocaleDateString()));
  if (member !== null && room.kind !== "direct") {
    list.append(make("dt", "", `In #${room.name}`), make("dd", "", `${member.role}${member.muted_until === null ? "" : ", muted"}`));
  }
  const row = make("div", "row", avatar(username, name || username, "large"), list);
  row.classList.add("profile");
  return row;
}

function moderation({ user: { username }, member, room, api, act }) {
  const section = make("section", "", make("h3", "", `In #${room.name}`));
  const at = (what = "") => path`rooms/${room.name}/members/${username}` + what;
  const duration = select("until", DURATIONS, "24");
  if (member !== null && room.role === "owner") {
    const role = select("role", ROLES, member.role);
    role.addEventListener("change", () => act(() => api.put(at(), { role: role.value })));
    section.append(field("Role", role));
  }
  section.append(field("Mute or ban", duration));
  const buttons = make("div", "row");
  if (member !== null) {
    buttons.append(
      member.muted_until === null
        ? textButton("Mute", () => act(() => api.put(at("/mute"), untilOf(duration))))
        : textButton("Unmute", () => act(() => api.delete(at("/mute")))),
      textButton("Remove", () => act(() => api.delete(at())), "danger-text"),
    );
  } else {
    buttons.append(textButton("Add to room", () => act(() => api.put(at()))), textButton("Lift a ban", () => act(() => api.delete(at("/ban")))));
  }
  buttons.append(textButton("Ban", () => act(() => api.put(at("/ban"), untilOf(duration))), "danger-text"));
  section.append(buttons);
  return section;
}

function untilOf({ value }) {
  return value === "0" ? {} : { until: new Date(Date.now() + Number(value) * HOUR_MS).toISOString() };
}
