"""Football match prediction as one asset graph."""
