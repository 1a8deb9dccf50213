/**
 * Dialogs that are built when they are opened, and gone when they are closed.
 * The browser keeps the focus inside, closes them on Escape, and gives it back.
 */

import { iconButton, make, textButton } from "./dom.js";

// Makes ids that are used once.
let number = 0;

/** Open a dialog; returns it with its `body`, to be filled. */
export function openDialog(title, { wide = false } = {}) {
  const dialog = make("dialog", wide ? "wide" : "");
  const heading = make("h2", "", title);
  heading.id = `dialog-${number += 1}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const body = make("div", "body");
  dialog.append(make("header", "", heading, iconButton("close", "Close", () => dialog.close())), body);
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, body };
}

/** Ask before something that can't be undone; resolves to whether to do it. */
export function confirm(title, sentence, action) {
  const { dialog, body } = openDialog(title);
  return new Promise((resolve) => {
    let answer = false;
    const cancel = textButton("Cancel", () => dialog.close());
    const go = textButton(action, () => {
      answer = true;
      dialog.close();
    }, "danger");
    body.append(make("p", "", sentence), make("div", "row end", cancel, go));
    cancel.focus();
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** A form in a dialog: runs one submission at a time, and shows its error. */
export function formOf(body, fields, submitLabel, work) {
  const error = make("p", "error");
  error.setAttribute("role", "alert");
  const submit = make("button", "primary", submitLabel);
  const form = make("form", "card", ...fields, error, make("div", "row end", submit));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = "";
    submit.disabled = true;
    try {
      await work(form);
    } catch ({ message }) {
      error.textContent = message;
    } finally {
      submit.disabled = false;
    }
  });
  body.append(form);
  return form;
}

/** A labelled field; the hint describes it and isn't part of its name. */
export function field(label, control, hint = "") {
  const labelled = make("label", "", make("span", "", label), control);
  if (hint === "") return labelled;
  const description = make("p", "hint", hint);
  description.id = `hint-${number += 1}`;
  control.setAttribute("aria-describedby", description.id);
  return make("div", "field", labelled, description);
}

export function input(name, value = "", attributes = {}) {
  const element = make("input");
  element.name = name;
  element.value = value;
  for (const [key, setting] of Object.entries(attributes)) element.setAttribute(key, setting);
  return element;
}

export function select(name, options, chosen) {
  const element = make("select");
  element.name = name;
  for (const [value, label] of options) {
    const option = make("option", "", label);
    option.value = value;
    option.selected = value === String(chosen);
    element.append(option);
  }
  return element;
}
