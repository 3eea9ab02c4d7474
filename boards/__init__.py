"""The metal: tops for boards, bitstreams, the link between host and board, simulated boards."""
