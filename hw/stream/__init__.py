"""Streams: their fields, queues and registers between them."""
