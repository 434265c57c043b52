"""The parts of bench/compare; see ../README.md for what it measures."""
