Invoke-RestMethod "$base/api/funds/$($fund.Id)/companies"
