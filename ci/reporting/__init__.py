"""What runs tell Prometheus, through its Pushgateway: what was wanted, what was applied, what was found in images."""
