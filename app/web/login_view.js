/**
 * The log-in, and the registration, on one form.
 */

import { byId, setText } from "./dom.js";

export class LoginView {
  #registering = false;

  /** @param authenticate async ({username, password, register}); rejects with a sentence for the user. */
  constructor(authenticate) {
    byId("login-switch").addEventListener("click", () => this.#register(!this.#registering));
    byId("login-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const { username, password } = event.target;
      setText(byId("login-error"), "");
      byId("login-submit").disabled = true;
      try {
        await authenticate({
          username: username.value.trim(), password: password.value, register: this.#registering,
        });
      } catch ({ message }) {
        setText(byId("login-error"), message);
      } finally {
        byId("login-submit").disabled = false;
      }
    });
  }

  show(notice) {
    byId("login").hidden = false;
    byId("login-notice").hidden = notice === null;
    setText(byId("login-notice"), notice ?? "");
    setText(byId("login-error"), "");
    byId("username").focus();
  }

  hide() {
    byId("login-form").reset();
    this.#register(false);
    byId("login").hidden = true;
  }

  // Internal

  #register(registering) {
    this.#registering = registering;
    byId("password-hint").hidden = !registering;
    byId("password").autocomplete = registering ? "new-password" : "current-password";
    setText(byId("login-submit"), registering ? "Create account" : "Log in");
    setText(byId("login-switch"), registering ? "I already have an account" : "New here? Create an account");
    setText(byId("login-error"), "");
  }
}
