"""The pictures of the optimizers lab: functions of its results, drawn from measurements alone."""

from lib.optimizers.figures import descent, lenet, paths, race, rates, rules

FIGURES = {
    "surface": paths.surface,
    "paths": paths.contours,
    "divergence": descent.divergence,
    "stochastic": descent.stochastic,
    "momentum": race.momentum,
    "momentum-forms": rules.momentum_forms,
    "effective-rate": rates.effective_rate,
    "epsilon": rates.epsilon,
    "rmsprop": rates.rmsprop,
    "adam": rules.adam,
    "adamax-nadam": rules.adamax_nadam,
    "frameworks": rules.frameworks,
    "learning-rate-sensitivity": race.sensitivity,
    "steps-to-target": race.table,
    "lenet-sensitivity": lenet.sensitivity,
    "lenet-curves": lenet.curves,
    "schedules": lenet.schedules,
    "after-adam": lenet.after_adam,
}
"""Name of the file to function."""

ANIMATIONS = {"paths-animated": paths.animation}
