/**
 * Registers the service worker, which opens the page without a network and makes it installable.
 */

// A window of an installed app may stay open for weeks.
const UPDATE_MS = 60 * 60 * 1000;

/**
 * @param onNewVersion called when a newer page than this one is ready.
 */
export async function registerServiceWorker(onNewVersion) {
  const container = navigator.serviceWorker;
  // Browsers offer it on HTTPS and on localhost alone.
  if (container === undefined) return;
  // The first one belongs to this page.
  let isUpdate = container.controller !== null;
  container.addEventListener("controllerchange", () => {
    if (isUpdate) onNewVersion();
    isUpdate = true;
  });
  try {
    const registration = await container.register(scriptUrl(), { updateViaCache: "none" });
    setInterval(() => registration.update().catch(() => {}), UPDATE_MS);
  } catch {
    // Private windows and policies of companies refuse it. The page works without.
  }
}

// The one address that the page's policy lets become a script.
function scriptUrl() {
  const url = new URL("service-worker.js", document.baseURI).href;
  const policy = globalThis.trustedTypes?.createPolicy("service-worker", { createScriptURL: () => url });
  return policy === undefined ? url : policy.createScriptURL("");
}
