/**
 * Building elements. User content enters the page only through `textContent`
 * here, so it is never parsed as markup.
 */

/** An element with a class and children; strings become text. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Set a text only if it differs: screen readers announce every change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make `parent` hold exactly `entries`, in order, reusing elements.
 *
 * @param entries list of `{key, version, build}`; an element is rebuilt when
 *   its version, a value or a list of values, changes.
 * @param rendered Map of the elements built before; owned by this function.
 */
export function reconcile(parent, entries, rendered) {
  const keys = new Set(entries.map(({ key }) => key));
  for (const [key, { element }] of rendered) {
    if (keys.has(key)) continue;
    element.remove();
    rendered.delete(key);
  }
  let next = parent.firstElementChild;
  for (const { key, version, build } of entries) {
    const old = rendered.get(key);
    if (old !== undefined && sameVersion(old.version, version)) {
      if (old.element === next) next = next.nextElementSibling;
      else parent.insertBefore(old.element, next);
      continue;
    }
    const element = build();
    if (old === undefined) {
      parent.insertBefore(element, next);
    } else {
      if (old.element === next) next = next.nextElementSibling;
      old.element.remove();
      parent.insertBefore(element, next);
    }
    rendered.set(key, { version, element });
  }
}

function sameVersion(a, b) {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

// How long what a screen reader says is held back after rows were drawn that aren't new.
const QUIET_MS = 200;

const quiet = new WeakMap();

/** Rows are drawn in a live region that must not be announced as new ones. */
export function announceNothing(region) {
  clearTimeout(quiet.get(region));
  region.setAttribute("aria-live", "off");
  quiet.set(region, setTimeout(() => region.setAttribute("aria-live", "polite"), QUIET_MS));
}

export function icon(name) {
  const element = make("span", `icon icon-${name}`);
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** A button with an icon and no text; `label` is its name, and its tooltip. */
export function iconButton(name, label, onClick) {
  const button = make("button", "icon-button", icon(name));
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", onClick);
  return button;
}

export function textButton(label, onClick, className = "") {
  const button = make("button", className, label);
  button.type = "button";
  button.addEventListener("click", onClick);
  return button;
}
