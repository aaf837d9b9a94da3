// The page of the API's documentation: Swagger UI on the document that this sidecar serves.
SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href, // below the prefix of a proxy, if any
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null, // nothing is sent elsewhere
});
