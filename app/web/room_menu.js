/**
 * The menu of the room on display.
 */

import { byId } from "./dom.js";
import { LEVELS } from "./levels.js";
import { openMenu } from "./menu.js";

/** @param on `{settings(), date(), invite(), setLevel(room, level), leave(), shortcuts()}` */
export function installRoomMenu(room, on) {
  byId("room-menu").addEventListener("click", ({ currentTarget }) => {
    const current = room();
    const levels = LEVELS.map(([level, label]) => ({
      label, checked: current.level === level, run: () => on.setLevel(current, level),
    }));
    openMenu([
      { label: current.isModerator ? "Room settings" : "About this room", icon: "settings", run: on.settings },
      { label: "Jump to a date", icon: "calendar", run: on.date },
      { label: "Keyboard shortcuts", icon: "help", run: on.shortcuts },
      ...(current.member ? [null, ...levels] : []),
      ...(current.member && current.kind !== "direct" ? [null, { label: "Leave room", icon: "logout", danger: true, run: on.leave }] : []),
    ], currentTarget);
  });
}
