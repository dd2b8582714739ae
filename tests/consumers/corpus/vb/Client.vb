Dim a = "/api/funds/" & fund.Id & "/companies"
Dim b = "/api/" & "monte-carlo/simulate"
