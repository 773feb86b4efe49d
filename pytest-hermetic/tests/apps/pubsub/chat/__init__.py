"""Rooms to talk in, over web sockets; Redis carries what is said between the processes."""
