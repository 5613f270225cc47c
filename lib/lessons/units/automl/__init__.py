"""The lesson on searching hyperparameters: grid, chance and TPE, pruning, and the winner's luck."""
