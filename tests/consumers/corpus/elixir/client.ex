get("/api/funds/#{id}/companies")
post("/api" <> "/portfolio" <> "/strategies")
