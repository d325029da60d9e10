function corsHeaders(origin, allowed, credentials) {
  if (origin !== null && origin !== "*" && allowed.includes(origin)) {
    const named = { "Access-Control-Allow-Origin": origin, "Vary": "Origin" };
    return credentials ? { ...named, "Access-Control-Allow-Credentials": "true" } : named;
  }
  if (origin !== null && allowed.includes("*") && !credentials) {
    return { "Access-Control-Allow-Origin": "*" };
  }
  return {};
}
