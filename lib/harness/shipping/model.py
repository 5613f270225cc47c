"""The trained model that a lab hands on, as MLflow's model format, for its registry, its servers and its loaders.

The folder has the final parameters of the chosen trial and the code that ran, no pickle: MLflow loads it with the
function ``_load_pyfunc(folder)`` of the lab's loader module, anywhere where the packages are.
"""

from __future__ import annotations

import shutil
import tempfile
from importlib import import_module, metadata
from pathlib import Path

import numpy as np

from lib.harness import replaced
from lib.harness.contract.catalogue import OUTSIDE
from lib.harness.contract.loading import lab_of
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.provenance import read_code
from lib.harness.recording.reading import files_of
from lib.harness.running.parent import ParentRun
from lib.harness.running.pool import Workers


def export_model(run: ParentRun, workers: Workers) -> list[str]:
    """Write the model of a run's lab for the registry, if it has one and nothing is replaced.

    Returns a line if that could not be done.
    """
    model = run.lab.model
    if model is None or replaced.tags():
        return []
    try:
        chosen = model.choose(Results(run.results))
    except LookupError as missing:
        return [f"no model: {missing.args[0]}"]
    parameters = files_of(run.journal_of(chosen)) / "model" / "parameters.npz"
    arguments = (run.entry.module, chosen, parameters, run.journal.files / "model")
    (exported,) = workers.call(export, [arguments], model.runtime)
    if isinstance(exported, Exception):
        return [f"no model: {type(exported).__name__}: {exported}"]
    run.journal.append("tags", tags={"lab.model": model.name, "lab.model_from": chosen.run})
    return []


def export(module: str, result: Result, parameters: Path, folder: Path) -> None:
    """Write the lab's model, with the parameters of `result` from the file `parameters`, into `folder`, anew.

    It is loaded once and asked about the lab's example, and MLflow's signature comes from the answer.
    """
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    model = lab_of(module).model
    assert model is not None
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        data.mkdir()
        shutil.copy(parameters, data / "parameters.npz")
        (data / "settings.json").write_bytes(json_bytes(dict(model.settings(result))))
        for name, content in read_code(model.loader).files.items():
            path = Path(scratch, "code", name.removeprefix(f"{OUTSIDE}/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        example = model.example()
        answer = import_module(model.loader)._load_pyfunc(str(data)).predict(example)
        shutil.rmtree(folder, ignore_errors=True)  # of a resumed lab
        mlflow.pyfunc.save_model(
            folder,
            loader_module=model.loader,
            data_path=str(data),
            code_paths=sorted(map(str, Path(scratch, "code").iterdir())),
            signature=infer_signature(example, np.asarray(answer)),
            pip_requirements=[f"{name}=={metadata.version(name).partition('+')[0]}" for name in model.packages],
        )
