#!/bin/sh
curl -X POST "$HOST/api/monte-carlo/simulate" -d @body.json
curl "$HOST/api/funds/$1/companies?stage=Series%20A"
curl https://example.org/api/portfolio/strategies -d '{}'
curl "$HOST/api%2Fmonte-carlo%2Fsimulate"
