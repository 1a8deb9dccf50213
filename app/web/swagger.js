/**
 * Starts Swagger UI, in a file of its own because the CSP forbids inline scripts.
 */

globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // A token in local storage would outlive the tab.
  persistAuthorization: false,
  tryItOutEnabled: true,
  // Don't send the document to an online validator.
  validatorUrl: null,
});
