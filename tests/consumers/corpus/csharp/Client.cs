var a = $"/api/funds/{fund.Id}/companies";
var b = "/api/monte-carlo" + "/simulate";
var c = new Uri(baseUri, "portfolio/strategies");
await client.ApiPortfolioStrategiesAsync(body);
