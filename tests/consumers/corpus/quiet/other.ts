http.get("/api/users");
http.get(`/api/users/${id}`);
http.get("/api/funds/" + id);
const rows = { companies: [] };
