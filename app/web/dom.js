/**
 * Making elements. Everything that anybody wrote enters the page through
 * `textContent` here, so none of it is ever markup.
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

/** Set a text only if it differs: screen readers announce every setting. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make `parent` hold exactly `wanted`, in order, keeping what is there already.
 *
 * @param wanted list of `{key, version, build}`; an element is built anew when
 *   its version has changed.
 * @param held Map of the elements that were built before; ours to keep.
 */
export function reconcile(parent, wanted, held) {
  const keys = new Set(wanted.map(({ key }) => key));
  for (const [key, { element }] of held) {
    if (keys.has(key)) continue;
    element.remove();
    held.delete(key);
  }
  let next = parent.firstElementChild;
  for (const { key, version, build } of wanted) {
    const old = held.get(key);
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
    held.set(key, { version, element });
  }
}
