/**
 * A room's settings: notifications for everyone, the rest for moderators and owners.
 */

import { confirm, field, formOf, input, openDialog, select } from "./dialog.js";
import { make, textButton } from "./dom.js";
import { path } from "./http.js";
import { inviteSection } from "./invite_section.js";
import { LEVELS } from "./levels.js";

// Seconds between two messages of a member.
const SLOW_MODES = [["0", "Off"], ["5", "5 seconds"], ["30", "30 seconds"], ["60", "1 minute"], ["300", "5 minutes"], ["3600", "1 hour"]];

// Who may mention everybody.
const ALL_ROLES = [["member", "All members"], ["moderator", "Moderators and owners"], ["owner", "Owners"]];

/** @param on `{attempt(work), notice(sentence), changed(summary), setLevel(room, level)}` */
export function openRoomDialog(room, { api, on }) {
  const { dialog, body } = openDialog(room.kind === "direct" ? "Conversation" : `#${room.name}`);
  const where = path`rooms/${room.name}`;
  if (room.member) body.append(levelField(room, on));
  if (room.isModerator && !room.archived) {
    body.append(settings(room, async (changes) => {
      on.changed(await api.patch(where, changes));
      dialog.close();
    }), inviteSection(room, { api, on }));
  }
  if (room.role === "owner" && room.kind !== "direct") body.append(archive(room, { api, on, where, dialog }));
  if (body.childElementCount === 0) body.append(make("p", "", "Join the room to change what it notifies you of."));
}

function levelField(room, on) {
  const level = select("level", LEVELS, room.level);
  level.addEventListener("change", () => on.attempt(() => on.setLevel(room, level.value)));
  return field("Notifications", level, "Desktop notifications are turned on in your own settings.");
}

function settings(room, save) {
  const section = make("section", "", make("h3", "", "Room"));
  const title = input("title", room.title ?? "", { maxlength: "200", autocomplete: "off" });
  const slow = select("slow", withPresent(SLOW_MODES, room.slowModeSeconds), room.slowModeSeconds);
  const all = select("all", ALL_ROLES, room.roomMentionRole);
  formOf(section, [
    field("Topic", title), field("Slow mode", slow, "How long members wait between two messages."),
    field("@all", all, "Who may notify everyone in the room."),
  ], "Save", () => (
    save({ title: title.value.trim(), slow_mode_seconds: Number(slow.value), room_mention_role: all.value })
  ));
  return section;
}

// A value that was set elsewhere is not lost by opening the dialog.
function withPresent(options, seconds) {
  const known = options.some(([value]) => value === String(seconds));
  return known ? options : [...options, [String(seconds), `${seconds} seconds`]];
}

function archive(room, { api, on, where, dialog }) {
  const button = textButton(room.archived ? "Reopen this room" : "Archive this room", async () => {
    const sure = room.archived
      || await confirm(`Archive #${room.name}?`, "Nobody can write in it until you reopen it. Nothing is deleted.", "Archive");
    if (!sure) return;
    await on.attempt(async () => {
      on.changed(await api.patch(where, { archived: !room.archived }));
      dialog.close();
    });
  }, room.archived ? "" : "danger-text");
  return make("section", "", make("div", "row", button));
}
