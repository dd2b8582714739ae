http.get("/api/users");
const rows = { companies: [] };
