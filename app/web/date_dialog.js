/**
 * Jumping to a day in the history of a room.
 */

import { field, formOf, input, openDialog } from "./dialog.js";
import { dayKey } from "./format.js";

/** @param jump async (Date); rejects with a sentence for the user. */
export function openDateDialog(jump) {
  const { dialog, body } = openDialog("Jump to a date");
  const day = input("day", dayKey(Date.now()), { type: "date", required: "", max: dayKey(Date.now()) });
  formOf(body, [field("Day", day)], "Jump", async () => {
    const [year, month, date] = day.value.split("-").map(Number);
    await jump(new Date(year, month - 1, date));
    dialog.close();
  });
  day.focus();
}
