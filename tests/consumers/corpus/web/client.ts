import { http } from "./http";
const BASE = "/api";
export const simulate = (body: Body) => http.post("/api/monte-carlo/simulate", body);
export const strategies = () => http.post(`${BASE}/portfolio/strategies`, {});
export const companies = (id: string) => http.get(`/api/funds/${encodeURIComponent(id)}/companies?stage=seed`);
export const nested = (f: Fund) => http.get(`${BASE}/funds/${f.ids[f.ids.length - 1]}/companies`);
export const deep = (f: Fund) => http.get(`/api/funds/${f.kind === "a" ? `x/${f.a}` : f.b}/companies`);
