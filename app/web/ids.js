/**
 * Random ids for requests.
 */

// RFC 9562, section 5.4: the version and variant bits of a version 4 UUID.
const VERSION = [6, 0x0f, 0x40];
const VARIANT = [8, 0x3f, 0x80];

/** A random UUID. `crypto.randomUUID` is available on https and localhost only. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (const [index, kept, set] of [VERSION, VARIANT]) bytes[index] = (bytes[index] & kept) | set;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
