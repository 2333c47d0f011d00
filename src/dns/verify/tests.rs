//! The DNS check against scripted servers.
