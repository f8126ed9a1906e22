"""`alerts.yaml`: its YAML, its faults in words and in their places, what must fit together."""
