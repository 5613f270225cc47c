"""The other libraries of the labs import and do one real thing each, without a network, those with TensorFlow apart."""

import gensim
import gymnasium
import numpy as np
import optuna
import scipy.stats
import sklearn.datasets
import sklearn.linear_model
import torch
import transformers

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(lambda trial: (trial.suggest_float("x", -10, 10) - 2) ** 2, n_trials=60)
assert abs(study.best_params["x"] - 2) < 1, study.best_params

x, y = sklearn.datasets.load_digits(return_X_y=True)
classifier = sklearn.linear_model.LogisticRegression(max_iter=200).fit(x[:1000] / 16, y[:1000])
assert classifier.score(x[1000:] / 16, y[1000:]) > 0.85
assert abs(scipy.stats.norm.cdf(1.959963984540054) - 0.975) < 1e-12

text = [["king", "queen", "crown"], ["cat", "dog", "paw"]] * 200
vectors = gensim.models.Word2Vec(text, vector_size=16, min_count=1, window=3, seed=0, workers=1, epochs=20).wv
assert vectors["king"].shape == (16,)

config = transformers.BertConfig(
    hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=50
)
out = transformers.BertModel(config).train(False)(torch.tensor([[1, 2, 3]]))
assert out.last_hidden_state.shape == (1, 3, 32)

env = gymnasium.make("CartPole-v1")
observation, _ = env.reset(seed=0)
assert observation.shape == (4,)
assert np.isfinite(np.linalg.eigvalsh(np.eye(3))).all()
