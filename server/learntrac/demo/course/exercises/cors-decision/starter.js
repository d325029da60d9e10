function corsHeaders(origin, allowed, credentials) {
  return { "Access-Control-Allow-Origin": "*" };
}
