"""Files, images, nested configs and message texts, without torch."""
