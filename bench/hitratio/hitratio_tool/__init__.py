"""Parts of bench/hitratio/hitratio: see ../README.md."""
