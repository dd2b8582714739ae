package client

func urls(base string, id int) []string {
	return []string{
		base + "/api/monte-carlo/simulate",
		fmt.Sprintf("%s/api/funds/%d/companies", base, id),
		path.Join(base, "api", "portfolio", "strategies"),
		"/api/funds/" + strconv.Itoa(id) + "/companies",
	}
}
