"""The caller's network settings reach the image build and uv under the names that those know."""

from pathlib import Path

import pytest

from host.machine.package_sources import TORCH_INDEX, build_options, uv_environment, uv_options


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    return tmp_path / "wheels"


def test_uv_gets_pips_settings() -> None:
    made = uv_environment(
        {"PIP_INDEX_URL": "https://a/simple", "PIP_EXTRA_INDEX_URL": "https://b https://c", "HOME": "/h"}
    )
    assert made["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert made["UV_INDEX"] == f"https://b https://c {TORCH_INDEX}"
    assert made["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert made["HOME"] == "/h"
    assert made["UV_PYTHON_DOWNLOADS"] == "never"


def test_a_folder_with_torch_makes_its_index_unneeded(wheels: Path) -> None:
    environ = {"PIP_FIND_LINKS": f"/nowhere {wheels}"}
    assert TORCH_INDEX in uv_environment(environ)["UV_INDEX"]
    (wheels / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").touch()
    made = uv_environment(environ)
    assert "UV_INDEX" not in made
    assert made["UV_FIND_LINKS"] == f"/nowhere,{wheels}"


def test_another_torch_index_replaces_pytorchs() -> None:
    assert uv_environment({"TORCH_INDEX_URL": "https://mirror/torch"})["UV_INDEX"] == "https://mirror/torch"


@pytest.mark.parametrize(("value", "options"), [("1", ["--no-index"]), ("true", ["--no-index"]), ("0", []), ("", [])])
def test_no_index_is_an_option(value: str, options: list[str]) -> None:
    assert uv_options({"PIP_NO_INDEX": value}) == options


def test_certificates_are_the_first_that_exist(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    environ = {"SSL_CERT_FILE": "/nowhere.pem", "PIP_CERT": str(bundle)}
    assert uv_environment(environ)["SSL_CERT_FILE"] == str(bundle)
    assert build_options(environ) == ["--secret", f"id=ca,src={bundle}"]


def test_the_build_gets_wheels_index_and_proxies(wheels: Path) -> None:
    environ = {
        "PIP_FIND_LINKS": f"{wheels}",
        "PIP_INDEX_URL": "https://a/simple",
        "https_proxy": "http://p:1",
        "NO_PROXY": "",
    }
    assert build_options(environ) == [
        *("--build-context", f"wheels={wheels}"),
        *("--build-arg", "PIP_INDEX_URL=https://a/simple"),
        *("--build-arg", "https_proxy=http://p:1"),
    ]


def test_nothing_set_nothing_passed() -> None:
    assert build_options({}) == []
