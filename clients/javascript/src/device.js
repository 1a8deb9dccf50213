/** Notices that the device wakes up, or gains or loses its network; in Node, nothing. */

/** @param {() => void} onWake @param {() => void} onOffline @returns {() => void} stops watching */
export function watchDevice(onWake, onOffline) {
  const { document, addEventListener } = globalThis;
  if (!document || !addEventListener) return () => {};
  const watching = new AbortController();
  const { signal } = watching;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) onWake(); }, { signal });
  addEventListener("online", onWake, { signal });
  // A page that comes back from the back/forward cache: its connection was cut.
  addEventListener("pageshow", ({ persisted }) => { if (persisted) onWake(); }, { signal });
  addEventListener("offline", onOffline, { signal });
  return () => watching.abort();
}
