"""The data sheet of a unit in its configuration, in Markdown and in HTML, of the same content."""
