"""One adapter a provider behind one protocol."""
