"""The consumer's benchmarks: against peers, in other shapes, as tables grow, beside pruning."""
