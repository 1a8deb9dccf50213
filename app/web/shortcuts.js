/**
 * Keyboard shortcuts of the whole page. Keys without Ctrl or Alt work only where
 * they can't be text (WCAG 2.1.4).
 */

/** @param on `{openSwitcher(), search(), step(by), nextUnread(), help()}` */
export function installShortcuts(on) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") !== null) return;
    const run = actionOf(event, on);
    if (run === null) return;
    event.preventDefault();
    run();
  });
}

function actionOf(event, on) {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && !event.altKey && !event.shiftKey && key === "k") return on.openSwitcher;
  if (command && !event.altKey && event.shiftKey && key === "f") return on.search;
  if (command && !event.altKey && key === "/") return on.help;
  if (!command && event.altKey && key === "arrowup") return () => on.step(-1);
  if (!command && event.altKey && key === "arrowdown") return event.shiftKey ? on.nextUnread : () => on.step(1);
  return null;
}
