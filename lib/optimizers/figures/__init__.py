"""The pictures of the optimizers lab: functions of its results, drawn from measurements alone."""

from lib.optimizers.figures import descent, functions, lenet, paths, rates, rules

FIGURES = {
    "surface": paths.surface,
    "paths": paths.contours,
    "divergence": descent.divergence,
    "stochastic": descent.stochastic,
    "momentum-forms": rules.momentum_forms,
    "effective-rate": rates.effective_rate,
    "epsilon": rates.epsilon,
    "identities": rules.identities,
    "frameworks": rules.frameworks,
    "loss-curves": functions.loss_curves,
    "learning-rate-sensitivity": functions.sensitivity,
    "steps-to-target": functions.table,
    "lenet-sensitivity": lenet.sensitivity,
    "lenet-curves": lenet.curves,
}
"""Name of the file to function."""

ANIMATIONS = {"paths-animated": paths.animation}
