// What a session is called.

import assert from "node:assert/strict";
import { test } from "node:test";

import { deviceName } from "../../app/web/device_name.js";

test("a browser is called by its name and its system's", () => {
  const mozilla = "Mozilla/5.0";
  const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
  for (const [label, name] of [
    [`${mozilla} (X11; Linux x86_64) ${webkit} Chrome/131.0.0.0 Safari/537.36`, "Chrome on Linux"],
    [`${mozilla} (Windows NT 10.0; Win64; x64) ${webkit} Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0`, "Edge on Windows"],
    [`${mozilla} (Windows NT 10.0; rv:132.0) Gecko/20100101 Firefox/132.0`, "Firefox on Windows"],
    [`${mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15`, "Safari on macOS"],
    [`${mozilla} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1`, "Safari on iPhone"],
    [`${mozilla} (Linux; Android 10; K) ${webkit} Chrome/131.0.0.0 Mobile Safari/537.36`, "Chrome on Android"],
  ]) assert.equal(deviceName(label), name);
});

test("other labels stay as they are", () => {
  assert.equal(deviceName("python-httpx/0.28"), "python-httpx/0.28");
  assert.equal(deviceName("Ada's script"), "Ada's script");
  assert.equal(deviceName(null), "Unknown device");
});
