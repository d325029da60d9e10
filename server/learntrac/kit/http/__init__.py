"""The HTTP edge: what every request passes through, and what every door needs from the application."""
