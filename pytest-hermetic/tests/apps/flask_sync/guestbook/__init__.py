"""A guest book with sessions in Redis."""
