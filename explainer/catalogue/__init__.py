"""What there is, for those who must not load torch: the web reads names here, the worker computes with them."""
