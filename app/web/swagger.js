/**
 * Starts Swagger UI. A file of its own, because the page allows no inline script.
 */

globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // A token in the browser's storage would outlive the tab.
  persistAuthorization: false,
  tryItOutEnabled: true,
  // Ask nobody else whether our document is valid.
  validatorUrl: null,
});
