"""Paper trading: an exchange over sockets (`server`), and the protocol that it speaks (`protocol`).

Nothing is imported here: the parts that need sockets import them when they are used.
"""

from __future__ import annotations
