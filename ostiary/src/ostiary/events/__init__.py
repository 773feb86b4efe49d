"""What happened: one append-only row for every change and every refusal worth knowing.

Owns: the catalogue of event types, the `event` table, `emit`. This is the audit log.
Does not own: deciding that something happened; the action that does it emits, in its transaction.
"""
