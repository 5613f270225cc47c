"""The caller's environment: what is honoured passes, what belongs to other programs does not, wherever it would act."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from host.bootstrap import environment, process
from tests.host.clone import ROOT, copy_clone
from tests.host.conftest import NO_ENGINE, Invoke

HONOURED = """
    DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION
    HTTP_PROXY https_proxy NO_PROXY all_proxy SSL_CERT_FILE REQUESTS_CA_BUNDLE BASE_IMAGE NPM_CONFIG_REGISTRY
    LAB_MEMORY LAB_INSTANCE JUPYTER_PORT MLFLOW_PORT MLFLOW_MEMORY CUDA_VISIBLE_DEVICES RAY_ADDRESS
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_CERT PIP_TRUSTED_HOST PIP_PROXY PIP_CONFIG_FILE
    PATH HOME LANG LC_ALL TERM NO_COLOR TZ TMPDIR XDG_CACHE_HOME SSH_AUTH_SOCK CI
"""
OTHERS = """
    GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_SSH_COMMAND GIT_CEILING_DIRECTORIES
    PIP_TARGET PIP_PREFIX PIP_USER PIP_DRY_RUN PIP_CONSTRAINT PIP_REQUIRE_VIRTUALENV PIP_NO_DEPS PIP_PYTHON
    UV_INDEX UV_INDEX_URL UV_PROJECT_ENVIRONMENT UV_CONFIG_FILE UV_OFFLINE NPM_CONFIG_PREFIX npm_config_dry_run
    COMPOSE_FILE COMPOSE_PROFILES COMPOSE_ENV_FILES COMPOSE_PATH_SEPARATOR BUILDX_BUILDER BUILDKIT_PROGRESS
    DOCKER_DEFAULT_PLATFORM DOCKER_CONTENT_TRUST SOURCE_DATE_EPOCH EXPERIMENTAL_BUILDKIT_SOURCE_POLICY
    OTEL_EXPORTER_OTLP_ENDPOINT
    PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONSTARTUP PYTHONWARNINGS PYTHONIOENCODING VIRTUAL_ENV CONDA_PREFIX
    MLFLOW_TRACKING_URI MLFLOW_EXPERIMENT_NAME MLFLOW_RUN_ID _MLFLOW_SERVER_ARTIFACT_ROOT
    DATABRICKS_HOST FLASK_DEBUG GUNICORN_CMD_ARGS UVICORN_ROOT_PATH
    INVOKE_RUN_ECHO INVOKE_TASKS_COLLECTION_NAME JUPYTER_CONFIG_DIR RAY_TMPDIR TAR_OPTIONS
"""


def test_what_is_honoured_passes_and_what_is_for_other_programs_does_not() -> None:
    passed = environment.caller(dict.fromkeys(f"{HONOURED} {OTHERS}".split(), "x"))
    assert sorted(passed) == sorted([*HONOURED.split(), *environment.UTF8])


COMPUTE = "OMP_NUM_THREADS TF_ENABLE_ONEDNN_OPTS TF2_BEHAVIOR KERAS_BACKEND MKL_CBWR XLA_FLAGS TORCH_HOME MPLBACKEND"
SAY = (
    "LAB_REPRODUCES LAB_RECORDED_IMAGE LAB_RECORDED_KERNELS LAB_KERNELS LAB_COMPUTE LAB_RECIPE LAB_CODE_SNAPSHOT "
    "LAB_GPU_FRAMEWORK LAB_ARTIFACTS LAB_PATHS"
)


def test_a_lab_outside_a_container_computes_and_records_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    names = f"{COMPUTE} {SAY}".split()
    for name in names:
        monkeypatch.setenv(name, "1")
    assert not set(names) & environment.for_labs().keys()
    assert environment.for_labs()["PATH"] == os.environ["PATH"]


def test_a_program_gets_the_honoured_variables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    printed = process.output(["env"]).stdout.splitlines()
    assert "HTTPS_PROXY=http://proxy:1" in printed
    assert not [line for line in printed if line.startswith("GIT_DIR")]


def test_no_other_file_of_the_host_reads_the_environment() -> None:
    files = [*(ROOT / "host").rglob("*.py"), *ROOT.glob("*.py")]
    assert len(files) > 50
    bad = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute | ast.Name) and file.name != "environment.py":
                name = node.attr if isinstance(node, ast.Attribute) else node.id
                if name in {"environ", "getenv", "environb", "putenv"}:
                    bad.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert bad == []


def test_commands_run_whatever_is_exported_for_other_programs(invoke: Invoke, tmp_path: Path) -> None:
    """Each of these alone ends an unprotected command."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".invoke.yaml").write_text("tasks: {collection_name: fabfile\n", encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('not mine')\n", encoding="utf-8")
    (tmp_path / "rich.py").write_text("raise SystemExit('not mine')\n", encoding="utf-8")
    exported = {
        "HOME": str(home),
        "PYTHONPATH": str(tmp_path),
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONIOENCODING": "ascii",
        "INVOKE_TASKS_COLLECTION_NAME": "fabfile",
        "INVOKE_RUNTIME_CONFIG": str(home / ".invoke.yaml"),
        "INVOKE_DEBUG": "1",
        "LC_ALL": "C",
    }
    outcome = invoke("labs", env=NO_ENGINE | exported)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "optimizers" in outcome.stdout


@pytest.mark.parametrize("variable", ["PIP_TARGET", "PIP_USER", "PIP_CONFIG_FILE"])
def test_where_pip_would_put_packages_is_not_the_callers_to_say(variable: str, tmp_path: Path) -> None:
    """With PIP_TARGET the commands made .venv again and again; with a `user = true` they never started."""
    pip_conf = tmp_path / "pip.conf"
    pip_conf.write_text("[global]\nuser = true\n[install]\ntarget = elsewhere\n", encoding="utf-8")
    values = {"PIP_TARGET": str(tmp_path / "target"), "PIP_USER": "1", "PIP_CONFIG_FILE": str(pip_conf)}
    code = (
        "import sys; from host.bootstrap import pip, process; chosen = pip.sources(sys.executable); "
        "print(process.output([sys.executable, '-m', 'pip', 'config', 'list'], env=pip.variables(chosen)).stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {variable: values[variable]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "target" not in done.stdout
    assert "user" not in done.stdout
    assert "timeout" in done.stdout


def test_a_pip_conf_that_makes_pip_quiet_is_read_and_its_log_is_not_written(tmp_path: Path) -> None:
    """With `quiet` in it pip listed nothing, and the index of a company was not asked."""
    pip_conf = tmp_path / "pip.conf"
    index = "https://packages.example/simple"
    pip_conf.write_text(f"[global]\nquiet = 3\nlog = {tmp_path}/pip.log\nindex-url = {index}\n", encoding="utf-8")
    code = "import sys; from host.bootstrap import pip; print(pip.sources(sys.executable).index)"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=variables | {"PIP_CONFIG_FILE": str(pip_conf)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{index}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pip.conf"]


def test_a_lock_without_the_commands_packages_is_one_line_and_no_loop(invoke: Invoke, tmp_path: Path) -> None:
    root = copy_clone(tmp_path / "clone")
    (root / "docker" / "requirements" / "host.txt").write_text("", encoding="utf-8")
    outcome = invoke("--list", root=root)
    assert outcome.returncode == 2
    assert len(outcome.stderr.splitlines()) == 1
    assert "Could not make .venv" in outcome.stderr
