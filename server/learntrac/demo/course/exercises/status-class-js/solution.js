const EXCEPTIONS = { 401: "sign in", 429: "wait", 503: "wait" };
const CLASSES = { 2: "done", 3: "look elsewhere", 4: "change the request", 5: "tell somebody" };

function advice(code) {
  const found = EXCEPTIONS[code] ?? CLASSES[Math.floor(code / 100)];
  if (found === undefined) {
    throw new RangeError(`${code} is no status`);
  }
  return found;
}
