"""Jupyter's token in .env: made once, readable by its owner only, whoever starts first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host.machine import env_file
from lib.harness.errors import UserError


def test_the_token_is_made_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    token = env_file.token(file)
    assert len(token) == 48
    assert file.stat().st_mode & 0o777 == 0o600
    assert env_file.token(file) == token
    assert env_file.token(tmp_path / "other") != token


def test_commands_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(env_file.token, [tmp_path / ".env"] * 16))
    assert len(tokens) == 1
    assert env_file.read(tmp_path / ".env") == {"JUPYTER_TOKEN": tokens.pop()}


def test_what_the_user_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nJUPYTER_PORT = '9999'", encoding="utf-8")
    file.chmod(0o644)
    token = env_file.token(file)
    assert file.read_text(encoding="utf-8") == f"# mine\nJUPYTER_PORT = '9999'\nJUPYTER_TOKEN={token}\n"
    assert env_file.read(file) == {"JUPYTER_PORT": "9999", "JUPYTER_TOKEN": token}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_readable_file_with_a_token_is_closed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("JUPYTER_TOKEN=abc\n", encoding="utf-8")
    file.chmod(0o644)
    assert env_file.token(file) == "abc"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PORT", "70000")
    with pytest.raises(UserError, match=r"MLFLOW_PORT=70000.*1 to 65535"):
        env_file.port("MLFLOW_PORT", 5000)
