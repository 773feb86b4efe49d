"""A queue of jobs: each is done once, and again if its worker dies."""
