"""`pytest --hermetic-init`: what a project adds to become hermetic, and which mocks it deletes.

Owns: reading a project as text, the configuration it needs, the lines it can do without.
Does not own: running or changing anything. No module of the project is imported.
"""
