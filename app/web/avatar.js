/**
 * Avatars: a user's initials on a colour of their own.
 */

import { make } from "./dom.js";

// Defined in styles/tokens.css: told apart by colour-blind people too.
const HUES = 12;

const LETTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** "Ada Lovelace" → "AL", "bob" → "B". */
export function initialsOf(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const shown = words.length > 1 ? [words[0], words.at(-1)] : words;
  return shown.map((word) => [...LETTERS.segment(word)][0].segment).join("").toUpperCase() || "?";
}

/** The number of the colour of a user; it goes with the username, which never changes. */
export function hueOf(username) {
  return [...username].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 9_973, 7) % HUES;
}

/** It repeats what stands beside it, so assistive tools skip it. */
export function avatar(username, name = username, size = "") {
  const element = make("span", `avatar hue-${hueOf(username ?? "")} ${size}`);
  // Drawn by the style, so that it is no text of the button or link around it.
  element.dataset.initials = initialsOf(name ?? "");
  element.setAttribute("aria-hidden", "true");
  return element;
}
