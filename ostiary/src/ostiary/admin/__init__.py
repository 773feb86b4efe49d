"""What administrators do to the accounts of others.

Owns: suspending, reactivating, promoting, demoting, deleting and inviting people, and mailing them
a link to a new password. Does not own: the account itself (users), what a mailed link does when
its reader uses it (signin), or the signed-in person's own account (account).
"""
