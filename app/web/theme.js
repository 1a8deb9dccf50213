/**
 * Light, dark, or as the device has it: kept in this browser, also after logging out.
 */

// Not with the prefix of the page's other keys, which logging out removes.
const KEY = "parley-theme";

const THEMES = new Set(["light", "dark"]);

export function theme() {
  const kept = localStorage.getItem(KEY);
  return THEMES.has(kept) ? kept : "system";
}

export function setTheme(chosen) {
  if (THEMES.has(chosen)) localStorage.setItem(KEY, chosen);
  else localStorage.removeItem(KEY);
  applyTheme();
}

export function applyTheme() {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
