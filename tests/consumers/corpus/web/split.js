const ROOT = "/api/monte-carlo"; // the rest is added where it is called
export function run(body) {
  const target = ROOT;

  return fetch(target + "/simulate", { method: "POST", body });
}

const NAMES = { run: "simulate" };
