"""A shop whose accounts, billing and reports each have an engine of their own."""
