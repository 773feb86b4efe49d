"""Heroes and their teams."""
