"""What every HTTP surface shares: request ids, bodies, problems, headers, the caller.

Owns: the little FastAPI glue there is. Does not own: any route of a feature.
"""
