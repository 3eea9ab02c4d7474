"""Tables that stand beside the figures of the papers, each made by one command."""
