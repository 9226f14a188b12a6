"""Playing as a person in any chess program.

`conversation` speaks the protocol, `words` reads it, `people` finds who plays.
"""

from chessgru.uci.conversation import Conversation, Sitting

__all__ = ["Conversation", "Sitting"]
