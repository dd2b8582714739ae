"""What watches a rollout from outside: Prometheus rules, an Alertmanager route and a Grafana dashboard, generated."""
