function delays(tries, first, most, retryAfter) {
  return [];
}
