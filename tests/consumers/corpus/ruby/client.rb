conn.post("/api/monte-carlo/simulate", body)
conn.get("/api/funds/#{fund.id}/companies")
get "/api/funds/:fund_id/companies", to: "companies#index"
conn.post('/api' << '/portfolio' << '/strategies')
