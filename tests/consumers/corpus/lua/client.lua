local a = "/api/funds/" .. id .. "/companies"
local b = "/api" .. "/monte-carlo" .. "/simulate"
