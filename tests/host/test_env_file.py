"""Jupyter's token in .env: made once, readable by its owner only, whoever starts first."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host.machine import env_file
from lib.harness.errors import UserError
from tests.host.conftest import NO_ENGINE


def test_a_token_that_is_forgotten_is_another_one_and_the_other_settings_stay(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nJUPYTER_PORT=9999\n", encoding="utf-8")
    token = env_file.token(file)
    env_file.forget_token(file)
    assert file.read_text(encoding="utf-8") == "# mine\nJUPYTER_PORT=9999\n"
    assert env_file.token(file) != token
    assert file.stat().st_mode & 0o777 == 0o600


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


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("export KEY=exported", "exported"),
        ("KEY = 'single # $HOME'", "single # $HOME"),
        ('KEY="double \\" quote"', 'double " quote'),
        ("KEY=value # a comment", "value"),
        ("KEY=a#b", "a#b"),
        ("KEY=", ""),
        ("KEY=한글", "한글"),
        ("\ufeffKEY=after a mark of the byte order", "after a mark of the byte order"),
        ("KEY=first\nKEY=last", "last"),
        ("KEY=windows\r\n", "windows"),
    ],
)
def test_a_line_is_read_as_compose_reads_it(line: str, value: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(line.encode())
    assert env_file.read(file) == {"KEY": value}
    assert env_file.setting("KEY", file) == value
    assert env_file.setting("OTHER", file) is None


@pytest.mark.parametrize("value", ["$HOME", "${PORT:-5000}", '"a$NAME"'])
def test_what_compose_expands_is_refused_and_not_taken_literally(value: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"OTHER=$HOME\nMLFLOW_PORT={value}\nJUPYTER_PORT=8000\n", encoding="utf-8")
    assert env_file.setting("JUPYTER_PORT", file) == "8000"
    with pytest.raises(UserError, match=r"^MLFLOW_PORT in \.env has a \$, which Compose expands"):
        env_file.setting("MLFLOW_PORT", file)


AS_COMPOSE = [
    *(f"KEY={value}" for value in ("plain", "'single $HOME'", "a#b", '"double # quoted"', "value # a comment", "한글")),
    *("export KEY=exported", "\ufeffKEY=after a mark", "KEY = spaced", "KEY=first\nKEY=last", "KEY=windows\r", "KEY="),
    *("# KEY=no\n\nKEY=yes", "KEY='don\\'t'", 'KEY="tab\\there"'),
]


@pytest.mark.parametrize("content", AS_COMPOSE)
def test_compose_reads_the_same(content: str, tmp_path: Path) -> None:
    if not shutil.which("docker"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the program docker reads the file")
    (tmp_path / ".env").write_text(f"{content}\n", encoding="utf-8")
    service = "services:\n  one:\n    image: none\n    environment:\n      KEY: ${KEY}\n"
    (tmp_path / "compose.yaml").write_text(service, encoding="utf-8")
    command = ["docker", "compose", "--project-directory", str(tmp_path), "config", "--format", "json"]
    done = subprocess.run(command, env=os.environ | NO_ENGINE, capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout)["services"]["one"]["environment"]["KEY"].replace("$$", "$")
    assert env_file.setting("KEY", tmp_path / ".env") == shown


@pytest.mark.parametrize("content", ["KEY=1\n".encode("utf-16"), "KEY=1\n".encode("utf-16-le"), b"KEY=caf\xe9\n"])
def test_another_encoding_is_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"\.env is no text in UTF-8: save it in that encoding$"):
        env_file.token(file)
    assert file.read_bytes() == content


def test_a_line_without_a_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nJUPYTER_PORT=1\n'torn\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"\.env: line 3 is not KEY=VALUE"):
        env_file.setting("JUPYTER_PORT", file)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(UserError, match=r"\.env cannot be read \(Is a directory\)"):
        env_file.token(tmp_path / ".env")
