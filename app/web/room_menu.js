/**
 * The menu of the room on display.
 */

import { LEVELS } from "./levels.js";
import { openMenu } from "./menu.js";

/**
 * @param anchor the button that opens it.
 * @param on `{settings(), date(), setLevel(room, level), leave(), shortcuts()}`
 */
export function openRoomMenu(room, anchor, on) {
  const levels = LEVELS.map(([level, label]) => ({
    label, checked: room.level === level, run: () => on.setLevel(room, level),
  }));
  openMenu([
    { label: room.isModerator ? "Room settings" : "About this room", icon: "settings", run: on.settings },
    { label: "Jump to a date", icon: "calendar", run: on.date },
    { label: "Keyboard shortcuts", icon: "help", run: on.shortcuts },
    ...(room.member ? [null, ...levels] : []),
    ...(room.member && room.kind !== "direct" ? [null, { label: "Leave room", icon: "logout", danger: true, run: on.leave }] : []),
  ], anchor);
}
