/**
 * Making a room, or opening the direct room with somebody.
 */

import { field, formOf, input, openDialog, select } from "./dialog.js";
import { setText } from "./dom.js";

const KINDS = [
  ["public", "Public: anyone can read and join"],
  ["private", "Private: only people you add"],
  ["direct", "Direct: you and one other person"],
];

/** @param create async ({kind, name, title}); rejects with a sentence for the user. */
export function openNewRoomDialog(create) {
  const { dialog, body } = openDialog("New room");
  const kind = select("kind", KINDS, "public");
  const name = field("Name", input("name", "", {
    autocapitalize: "none", autocomplete: "off", spellcheck: "false", required: "", maxlength: "64",
  }), "Letters, digits, dots and dashes.");
  const title = field("Topic (optional)", input("title", "", { autocomplete: "off", maxlength: "200" }));
  kind.addEventListener("change", () => {
    const direct = kind.value === "direct";
    setText(name.querySelector("label > span"), direct ? "Username of the other person" : "Name");
    title.hidden = direct;
  });
  formOf(body, [field("Kind", kind), name, title], "Create", async () => {
    await create({
      kind: kind.value, name: name.querySelector("input").value.trim(), title: title.querySelector("input").value.trim(),
    });
    dialog.close();
  });
  name.querySelector("input").focus();
}
