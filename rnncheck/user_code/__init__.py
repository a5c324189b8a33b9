"""A stranger's layer as an implementation: loaded from any file, constructed, called, and filled with given weights."""
