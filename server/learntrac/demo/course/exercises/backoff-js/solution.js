function delays(tries, first, most, retryAfter) {
  const waits = [];
  for (let i = 0; i < tries - 1; i += 1) {
    const rule = Math.min(most, first * 2 ** i);
    waits.push(Math.max(rule, retryAfter[i + 1] ?? 0));
  }
  return waits;
}
