"""Speed, memory and exactness of the explanations beside the public packages (docs/benchmarks.md)."""
