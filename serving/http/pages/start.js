// The page of the API's documentation: Swagger UI on the document that this sidecar serves.
SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null, // nothing is sent elsewhere
});
