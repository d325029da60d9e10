// A submission in JavaScript that answers questions. The submission shares the interpreter and may change every line
// of this: all it can change is what it answers. A value is written out by its exact kind; no object has a say in it.
(function (std) {
  "use strict";
  const DEEPEST = 60, MOST_ITEMS = 200000, LONGEST_ERROR = 2000;
  const quoted = JSON.stringify, parsed = JSON.parse, isArray = Array.isArray, text = String;
  const prototypeOf = Object.getPrototypeOf, describedIn = Object.getOwnPropertyDescriptor, keysOf = Object.keys;
  const arrays = Array.prototype, objects = Object.prototype, isFinite_ = Number.isFinite, whole = Number.isInteger;
  const evaluate = std.evalScript, out = std.out, input = std.in;
  let printed = "", most = 0, lines = [];

  class NotPlain extends Error {}
  class Exit extends Error {}

  function plain(value, depth, left) {
    if (depth < 0 || --left.items < 0) throw new NotPlain("too deep or too large");
    if (value === null || value === undefined) return "null";
    switch (typeof value) {
      case "boolean": return value ? "true" : "false";
      case "string": return quoted(value);
      case "bigint": return `${value}`;
      case "number":
        if (!isFinite_(value)) throw new NotPlain(`${value} is not a number that can be compared`);
        return value === 0 ? "0" : whole(value) && value < 1e21 && value > -1e21 ? `${BigInt(value)}` : `${value}`;
      case "object": return isArray(value) ? list(value, depth, left) : mapping(value, depth, left);
    }
    throw new NotPlain(`a value of type ${typeof value} is not plain`);
  }

  function own(value, key) {
    const found = describedIn(value, key);
    if (found === undefined || !("value" in found)) throw new NotPlain("a value that is computed when it is looked at");
    return found.value;
  }

  function list(value, depth, left) {
    if (prototypeOf(value) !== arrays) throw new NotPlain("a list of a class of its own");
    let written = "[";
    for (let place = 0; place < value.length; place++) {
      written += (place ? "," : "") + plain(own(value, place), depth - 1, left);
    }
    return written + "]";
  }

  function mapping(value, depth, left) {
    const kind = prototypeOf(value);
    if (kind !== objects && kind !== null) throw new NotPlain("an object of a class is not plain");
    let written = "";
    const keys = keysOf(value);
    for (let place = 0; place < keys.length; place++) {
      const item = plain(own(value, keys[place]), depth - 1, left);
      written += `${place ? "," : ""}${quoted(keys[place])}:${item}`;
    }
    return `{${written}}`;
  }

  function described(error) {
    try {
      const said = error instanceof Error ? `${error.name}: ${error.message}` : text(error);
      return said.slice(0, LONGEST_ERROR);
    } catch {
      return "Error: (it has no message)";
    }
  }

  function lineOf(error) {
    try {
      const found = /<evalScript>:(\d+)/.exec(error.stack);
      return found ? +found[1] : null;
    } catch {
      return null;
    }
  }

  function print(...values) {
    const said = values.map((value) => typeof value === "object" && value !== null ? shown(value) : text(value));
    printed = (printed + said.join(" ") + "\n").slice(0, most);
  }

  function shown(value) {
    try {
      return quoted(value);
    } catch {
      return text(value);
    }
  }

  const read = (from) => {
    if (from !== 0 && from !== "/dev/stdin") throw new Error("there is no such file");
    const rest = lines.join("\n");
    lines = [];
    return rest;
  };
  const require = (name) => {
    if (name !== "fs" && name !== "node:fs") throw new Error(`there is no module ${name}`);
    return { readFileSync: read };
  };
  Object.assign(globalThis, {
    print, require, console: { log: print, error: print, warn: print, info: print, debug: print },
    readline: () => lines.length ? lines.shift() : null,
    process: { argv: ["node", "solution.js"], exit: () => { throw new Exit("exit"); } },
    module: { exports: {} }, exports: {},
  });
  for (const name of ["std", "os", "bjson", "scriptArgs", "navigator", "performance"]) delete globalThis[name];

  const withoutExports = (source) => source.replace(/^(\s*)export\s+(default\s+)?(?=(async\s+)?(function|class|const|let|var)\b)/gm,
    (whole_, space) => space);

  function answer(question, source) {
    if (question.function === null) {
      lines = question.stdin.split("\n");
      evaluate(`(function () {${withoutExports(source)}\n})()`);
      return '"status":"returned","value":null';
    }
    let called;
    try {
      called = evaluate(question.function);
    } catch {
      called = globalThis.module.exports[question.function] ?? globalThis.exports[question.function];
    }
    if (typeof called !== "function") return '"status":"missing"';
    return `"status":"returned","value":${plain(called(...question.arguments), DEEPEST, { items: MOST_ITEMS })}`;
  }

  function answered(question, source) {
    try {
      return answer(question, source);
    } catch (error) {
      if (error instanceof NotPlain) return `"status":"not_plain","error":${quoted(error.message)}`;
      if (error instanceof Exit) return '"status":"returned","value":null';
      const status = error instanceof InternalError && /out of memory/.test(error.message) ? "memory" : "raised";
      return `"status":"${status}","error":${quoted(described(error))},"line":${lineOf(error)}`;
    }
  }

  function exchange(message) {
    out.puts(message + "\n");
    out.flush();
    return parsed(input.getline());
  }

  const order = parsed(input.getline());
  most = order.output;
  let problem = null;
  if (order.load) {
    try {
      evaluate(withoutExports(order.source));
    } catch (error) {
      const line = lineOf(error);
      problem = described(error) + (line ? ` (line ${line})` : "");
    }
  }
  let reply = `{"problem":${quoted(problem)},"output":${quoted(printed)}}`;
  for (;;) {
    const question = exchange(reply);
    printed = "";
    const said = answered(question, order.source);
    reply = `{${said},"output":${quoted(printed)}}`;
  }
})(globalThis.std);
