api = DefaultApi(client)
api.api_monte_carlo_simulate_post(body)
api.api_portfolio_strategies_create(body)
