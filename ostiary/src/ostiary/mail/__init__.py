"""Messages to people: written with the change that causes them, sent by the worker.

Owns: the outbox (`mail` table), the kinds of message and their texts, the delivery with its
back-off and its dead letters. Does not own: deciding that a message is due, or the links in it
(the slice that acts does); handing it to a server (kernel.mail); when to deliver (worker).
"""
