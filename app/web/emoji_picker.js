/**
 * Choosing an emoji. The names come from the server; the browser draws them.
 */

import { emojiGroups, searchEmoji } from "./emoji_names.js";
import { make, textButton } from "./dom.js";
import { input } from "./dialog.js";
import { showAt } from "./menu.js";

// Offered first, until the user has used others.
const COMMON = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

const KEY = "parley.emoji";
const RECENT = 16;

let drawn = 0;

/** Open the picker at an element; `onPick` is called with the emoji that was chosen. */
export function openEmojiPicker(anchor, onPick) {
  const picker = make("div", "emoji-picker");
  picker.popover = "auto";
  picker.setAttribute("role", "dialog");
  picker.setAttribute("aria-label", "Emoji");
  const query = input("q", "", { placeholder: "Search emoji", "aria-label": "Search emoji", type: "search" });
  const grid = make("div", "grid");
  const name = make("p", "hint clip");
  const pick = (emoji) => {
    remember(emoji);
    picker.hidePopover();
    onPick(emoji);
  };
  grid.addEventListener("focusin", ({ target }) => { name.textContent = target.title; });
  grid.addEventListener("pointerover", ({ target }) => { name.textContent = target.title ?? ""; });
  picker.addEventListener("keydown", (event) => onKey(event, query, grid));
  query.addEventListener("input", () => draw(grid, query.value, pick));
  picker.append(query, grid, name);
  draw(grid, "", pick);
  showAt(picker, anchor);
  query.focus();
}

async function draw(grid, query, pick) {
  const request = String(drawn += 1);
  grid.dataset.request = request;
  const often = query.trim() === "" ? section("Often used", recent(), pick) : [];
  // The names may take a moment to load.
  if (grid.childElementCount === 0) grid.append(...often);
  const sections = query.trim() === ""
    ? (await emojiGroups()).map(({ name, emoji }) => section(name, emoji, pick))
    : [section("", await searchEmoji(query), pick)];
  // Another letter was typed meanwhile.
  if (grid.dataset.request !== request) return;
  grid.replaceChildren(...often, ...sections.flat());
  if (grid.childElementCount === 0) grid.append(make("h3", "", "No emoji has this name."));
}

function section(title, list, pick) {
  const buttons = list.map(([emoji, name]) => {
    const button = textButton(emoji, () => pick(emoji));
    button.title = name;
    button.setAttribute("aria-label", name);
    return button;
  });
  return title ? [make("h3", "", title), ...buttons] : buttons;
}

function recent() {
  const used = JSON.parse(localStorage.getItem(KEY)) ?? [];
  return [...new Set([...used, ...COMMON])].slice(0, RECENT).map((emoji) => [emoji, emoji]);
}

function remember(emoji) {
  const used = JSON.parse(localStorage.getItem(KEY)) ?? [];
  localStorage.setItem(KEY, JSON.stringify([emoji, ...used.filter((one) => one !== emoji)].slice(0, RECENT)));
}

function onKey(event, query, grid) {
  const buttons = [...grid.querySelectorAll("button")];
  const index = buttons.indexOf(document.activeElement);
  if (event.key === "Enter" && document.activeElement === query) {
    event.preventDefault();
    buttons[0]?.click();
  }
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const step = steps[event.key];
  if (step === undefined || (index === -1 && event.key !== "ArrowDown")) return;
  event.preventDefault();
  (index === -1 ? buttons[0] : buttons[index + step] ?? query).focus();
}
