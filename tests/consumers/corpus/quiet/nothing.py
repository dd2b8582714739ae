"""A simulated portfolio: no company of these funds calls anything."""
strategy = simulate_portfolio(companies=[company for company in funds])
print("companies", "funds are simulated")
