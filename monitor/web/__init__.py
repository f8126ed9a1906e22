"""What the process serves over HTTP: metrics, health, and the live page."""
