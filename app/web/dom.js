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
 *   its version changes.
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
    if (old?.version === version) {
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
