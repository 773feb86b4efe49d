"""`ostiary user …`: the commands on accounts. They find an account by its email.

`users`: accounts come, are looked at and go. `access`: what an account may do. `lookup`: the
account that an email names. `sentences`: what is said of accounts, and the commands suggested.
"""
