"""How agents fare, for `roster status`, `logs` and `alerts`: read from clusters, Prometheus and Alertmanager."""
