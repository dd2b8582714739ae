suspend fun companies(id: Long) = client.get("/api/funds/$id/companies")
suspend fun other(f: Fund) = client.get("/api/funds/${f.id}/companies")
val simulate = client.post { url { appendPathSegments("api", "monte-carlo", "simulate") } }
