let companies = URL(string: "/api/funds/\(fund.id)/companies")!
let nested = URL(string: "/api/funds/\(ids(of: fund, at: 1))/companies")!
let simulate = base.appendingPathComponent("monte-carlo").appendingPathComponent("simulate")
