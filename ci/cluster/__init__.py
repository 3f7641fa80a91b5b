"""What Roster asks of a Kubernetes API server and of Prometheus: health after an apply, and drift."""
