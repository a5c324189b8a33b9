"""The user's own layer as an implementation: loaded from any file, constructed, called, and given weights."""
