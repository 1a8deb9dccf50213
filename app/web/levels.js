/**
 * What a room can notify of, as the server names it and as people read it.
 */
export const LEVELS = [
  ["all", "Notify of every message"], ["mentions", "Notify of mentions"], ["none", "Notify of nothing"],
];
