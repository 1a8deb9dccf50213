/**
 * The service worker: opens the page without a network, and caches no answer of the API.
 *
 * The server puts `SHELL` before this script: `version`, the hash of the page and of its files;
 * `files`, the addresses of what the page loads; and `later`, of what it loads on demand, which is
 * cached when the page is opened again, so that the first load stays small. Each version is a script
 * of its own, which the browser finds when a page is opened. A new version is cached as a whole or
 * not at all, and takes over at once. The files of the version before stay for pages that are open.
 */

const PREFIX = "parley-shell-";
const NAME = PREFIX + SHELL.version;
const KEPT_VERSIONS = 2;

// A connection without throughput is treated as none after this.
const PAGE_TIMEOUT_MS = 4_000;

const PAGE = new URL("./", self.location).href;
const ASSETS = new URL("web/", PAGE).href;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(store());
});

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET") return;
  if (url.startsWith(ASSETS)) event.respondWith(asset(event.request));
  else if (mode === "navigate" && url.split(/[?#]/)[0] === PAGE) {
    event.respondWith(page(event.request));
    event.waitUntil(storeLater());
  }
});

async function store() {
  const cache = await caches.open(NAME);
  // The files are in the browser's own cache already: the page has just loaded most of them.
  await cache.addAll(SHELL.files);
  const answer = await fetch(PAGE, { cache: "no-cache" });
  // While nodes of two versions run, another one may have answered. The browser tries again later.
  if (!(await answer.clone().text()).includes(SHELL.files[0])) throw new Error("The page is of another version");
  await cache.put(PAGE, answer);
}

async function storeLater() {
  const cache = await caches.open(NAME);
  const kept = new Set((await cache.keys()).map(({ url }) => url));
  const missing = SHELL.later.filter((name) => !kept.has(new URL(name, PAGE).href));
  // Whatever fails is loaded when it is needed, or cached the next time.
  await cache.addAll(missing).catch(() => {});
}

async function takeOver() {
  // In the order in which they were made.
  const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  const old = ours.slice(0, ours.length - (KEPT_VERSIONS - 1));
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// Under an address with a hash, what is cached is what the server would send.
async function asset(request) {
  const kept = await caches.match(request);
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok && request.url.includes(`/web/${SHELL.version}/`)) {
    const cache = await caches.open(NAME);
    await cache.put(request, answer.clone());
  }
  return answer;
}

// From the network while there is one, so that a new version shows at the first reload.
async function page(request) {
  const kept = await (await caches.open(NAME)).match(PAGE);
  try {
    const signal = kept === undefined ? undefined : AbortSignal.timeout(PAGE_TIMEOUT_MS);
    const answer = await fetch(request, { signal });
    // A proxy answers for a server that restarts.
    return answer.status >= 500 && kept !== undefined ? kept : answer;
  } catch (error) {
    if (kept === undefined) throw error;
    return kept;
  }
}
