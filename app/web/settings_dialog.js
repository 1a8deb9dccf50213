/**
 * The user's own settings: profile, appearance, notifications, password, sessions, blocks.
 */

import { deviceName } from "./device_name.js";
import { confirm, field, formOf, input, openDialog, select } from "./dialog.js";
import { make, textButton } from "./dom.js";
import { path } from "./http.js";
import { setTheme, theme } from "./theme.js";

const THEMES = [["system", "As this device"], ["light", "Light"], ["dark", "Dark"]];

/** @param on `{attempt(work), notice(sentence), logOut(), named(user), canNotify(), askToNotify()}` */
export async function openSettings({ api, me, on }) {
  await on.attempt(async () => {
    const user = await api.get("users/me");
    const { dialog, body } = openDialog("Settings", { wide: true });
    body.append(
      profile(user, { api, on }),
      appearance(),
      notifications(on),
      password({ api, on }),
      await sessions({ api, on }),
      await blocks({ api, on }),
      erase({ api, on, me, dialog }),
    );
  });
}

function section(title, ...content) {
  return make("section", "", make("h3", "", title), ...content);
}

function profile(user, { api, on }) {
  const part = section("Profile");
  const name = input("display_name", user.display_name ?? "", { maxlength: "64", autocomplete: "name" });
  formOf(part, [field("Display name", name, `Shown instead of @${user.username}.`)], "Save name", async () => {
    on.named(await api.patch("users/me", { display_name: name.value.trim() }));
    on.notice("Name saved.");
  });
  return part;
}

function appearance() {
  const chosen = select("theme", THEMES, theme());
  chosen.addEventListener("change", () => setTheme(chosen.value));
  return section("Appearance", field("Theme", chosen));
}

function notifications(on) {
  const status = make("p", "hint", on.canNotify() ? "On in this browser. What a room notifies you of is in the room's settings." : "Off in this browser.");
  const ask = textButton("Turn on notifications", async () => {
    status.textContent = (await on.askToNotify()) ? "On in this browser." : "The browser doesn't allow them. Allow them in its settings for this page.";
    ask.hidden = on.canNotify();
  });
  ask.hidden = on.canNotify();
  return section("Notifications", status, make("div", "row", ask));
}

function password({ api, on }) {
  const part = section("Password");
  const old = input("current", "", { type: "password", autocomplete: "current-password", required: "" });
  const fresh = input("fresh", "", { type: "password", autocomplete: "new-password", required: "" });
  formOf(part, [
    field("Current password", old), field("New password", fresh, "Changing it logs out your other sessions."),
  ], "Change password", async (form) => {
    await api.patch("users/me", { current_password: old.value, password: fresh.value });
    form.reset();
    on.notice("Password changed.");
  });
  return part;
}

async function sessions({ api, on }) {
  const part = section("Where you are logged in");
  for (const session of await api.list("users/me/sessions", "sessions")) {
    const device = make("span", "", deviceName(session.label));
    device.title = session.label ?? "";
    const row = make("div", "list-row", make(
      "span", "grow", device,
      make("span", "hint", `Last used ${new Date(session.last_used_at).toLocaleString()}`),
    ));
    if (session.current) row.append(make("span", "tag", "this one"));
    else row.append(textButton("Log out", async () => {
      if (await on.attempt(() => api.delete(path`users/me/sessions/${session.id}`))) row.remove();
    }));
    part.append(row);
  }
  part.append(make("div", "row", textButton("Log out everywhere", async () => {
    if (await on.attempt(() => api.delete("users/me/sessions"))) on.logOut();
  }, "danger-text")));
  return part;
}

async function blocks({ api, on }) {
  const part = section("People you have blocked");
  const blocked = await api.list("users/me/blocks", "blocks");
  if (blocked.length === 0) part.append(make("p", "hint", "Nobody."));
  for (const { user, display_name: name } of blocked) {
    const row = make("div", "list-row", make("span", "grow", name ? `${name} (@${user})` : `@${user}`));
    row.append(textButton("Unblock", async () => {
      if (await on.attempt(() => api.delete(path`users/me/blocks/${user}`))) row.remove();
    }));
    part.append(row);
  }
  return part;
}

function erase({ api, on, me, dialog }) {
  const part = section("Delete account");
  const secret = input("secret", "", { type: "password", autocomplete: "current-password", required: "" });
  formOf(part, [field("Password", secret, "Your messages stay, without your name.")], "Delete my account", async () => {
    const sure = await confirm(`Delete the account ${me}?`, "This can't be undone.", "Delete");
    if (!sure) return;
    await api.delete("users/me", { password: secret.value });
    dialog.close();
    on.logOut();
  }).querySelector("button").className = "danger";
  return part;
}
