/** The server's HTTP API: answers as JSON, failures as errors. */

import { Unreachable, refused } from "./errors.js";

/** @import { HttpOptions } from "./types.js" */
/** @import { Limits } from "./limits.js" */

/** The address of a server, with a slash at its end. @param {string | URL} url */
export function baseUrl(url) {
  const base = new URL(url, globalThis.location?.href);
  base.protocol = base.protocol.replace(/^ws/, "http");
  if (!/^https?:$/.test(base.protocol) || base.username || base.search || base.hash) {
    throw new TypeError(`${base} is not the address of a server, like https://chat.example.org`);
  }
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return base;
}

/** The address of its WebSocket. @param {URL} base */
export function socketUrl(base) {
  const url = new URL("ws", base);
  url.protocol = base.protocol.replace(/^http/, "ws");
  return url;
}

/** Requests to one server. Redirects are not followed: they could lead a token elsewhere. */
export class Http {
  /** @param {URL} base @param {Limits} limits @param {typeof fetch} [fetch] */
  constructor(base, limits, fetch = globalThis.fetch) {
    this.base = base;
    this.limits = limits;
    this.fetch = /** @type {typeof fetch} */ ((...args) => fetch(...args));
  }

  /** Whether the server answers at all. Never rejects. */
  async isUp() {
    try {
      const signal = AbortSignal.timeout(this.limits.probeMs);
      return (await this.fetch(new URL("health", this.base), { credentials: "omit", signal })).ok;
    } catch {
      return false;
    }
  }

  /**
   * Send one request; return the JSON of its answer, or null if that is empty.
   *
   * @param {string} method @param {string} path below the server's address
   * @param {HttpOptions & { token?: string | null, form?: Record<string, string> }} [options]
   * @returns {Promise<any>}
   * @throws {Unreachable} if there is no answer, or one that is not Parley's
   * @throws {import("./errors.js").Refused} if Parley answers with an error
   */
  async request(method, path, { token = null, form, json, query = {}, key, signal } = {}) {
    const url = new URL(path.replace(/^\/+/, ""), this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
    }
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    const body = form ? new URLSearchParams(form) : json === undefined ? undefined : JSON.stringify(json);
    const timeout = AbortSignal.timeout(this.limits.httpMs);
    let status = 0;
    let text;
    try {
      const answer = await this.fetch(url, {
        method, headers, body, credentials: "omit", redirect: "error",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      status = answer.status;
      text = await answer.text();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new Unreachable("The server can't be reached.", error);
    }
    const found = parse(text);
    if (status >= 200 && status < 300 && found !== undefined) return found;
    if (typeof found?.code === "string") throw refused(found, status);
    throw new Unreachable(`${url.origin} answered ${status}, which is not a response of Parley.`);
  }
}

/** @param {string} text @returns {any} undefined: not JSON */
function parse(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
