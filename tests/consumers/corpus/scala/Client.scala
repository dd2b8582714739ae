val a = uri"/api/funds/$id/companies"
val b = Root / "api" / "monte-carlo" / "simulate"
