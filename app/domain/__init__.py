"""The rules of the chat: ids, limits, errors, roles, events, decisions. Pure; no I/O."""
