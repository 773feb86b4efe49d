"""The audit: which green tests mean something, and which say nothing.

Owns the rules H001 to H017, the run against constant-answer applications, and their reports.
Does not own what tests run on: it works with the rest of the plugin switched off as well.
"""
