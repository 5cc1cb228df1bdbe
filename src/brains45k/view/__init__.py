"""Look at the volumes of a corpus in a browser: a server on the loopback, and its page."""
