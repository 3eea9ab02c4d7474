// The generic target instantiates no primitives.
