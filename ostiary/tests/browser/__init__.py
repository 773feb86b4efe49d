"""Ostiary in Chromium, against a real server process. `make test-browser` runs these."""
