import httpx

def simulate(client, body):
    return client.post("/api/monte-carlo/simulate", json=body)

def companies(client, fund_id):
    return client.get(f"/api/funds/{fund_id}/companies", params={"stage": "seed"})

def companies_of(client, fund):
    return client.get(f"{client.base}/funds/{fund['id']}/companies")

def percent(client, fund):
    return client.get("/api/funds/%s/companies" % fund)

def formatted(client, fund):
    return client.get("/api/funds/{}/companies".format(fund))

def implicit(client):
    return client.post(
        "/api/"
        "portfolio/"
        "strategies"
    )

def joined(client):
    return client.post(urljoin(BASE, "portfolio/strategies"))

def parts(client, fund):
    return client.get("/".join(["", "api", "funds", str(fund), "companies"]))

def truediv(base, fund):
    return base / "api" / "funds" / fund / "companies"
