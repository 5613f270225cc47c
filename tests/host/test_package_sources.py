"""The caller's package sources, of pip's variables and of pip.conf, reach pip, uv and the image build alike."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bootstrap import pip
from host.bootstrap.paths import ROOT, STATE
from host.engine import build
from host.machine import package_sources
from host.machine.package_sources import TORCH_INDEX, build_settings, uv_environment, uv_options
from host.machine.uv import uv
from lib.harness.errors import UserError

SECRET = "https://me:secret@index.example/simple"
Configure = Callable[[str], pip.Sources]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that tests: no pip.conf of the user's, no proxies, no certificates."""
    names = [*pip.CERTIFICATES, *package_sources.PROXIES, *map(str.lower, package_sources.PROXIES)]
    for name in [*names, *(name for name in os.environ if name.startswith(("PIP_", "UV_"))), "TORCH_INDEX_URL"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LAB_CALLER_DIR", str(tmp_path))


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configure:
    """Read a pip.conf of this content, with pip itself."""

    def read(content: str) -> pip.Sources:
        (tmp_path / "pip.conf").write_text(content, encoding="utf-8")
        monkeypatch.setenv("PIP_CONFIG_FILE", "pip.conf")  # from the caller's folder, as everything that is named
        pip._configured.cache_clear()
        return pip.sources(sys.executable)

    return read


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    made = tmp_path / "my wheels"
    made.mkdir()
    return made


def test_both_pips_variables_and_its_files_are_read(
    configure: Configure, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable/simple")
    (wheels / "ca.pem").touch()
    read = configure(
        "[global]\nindex-url = https://file/simple\nextra-index-url =\n  https://one/simple\n  https://two/simple\n"
        "trusted-host = one two:8080\nproxy = proxy.example:3128\ntarget = /elsewhere\n"
        f"[install]\nfind-links = {wheels.as_uri()}\nno-index = yes\ncert = {wheels}/ca.pem\n"
        "[download]\nno-index = no\n"
    )
    assert read == pip.Sources(
        index="https://variable/simple",
        extra=("https://one/simple", "https://two/simple"),
        folders=(wheels,),
        no_index=True,
        trusted=("one", "two:8080"),
        proxy="proxy.example:3128",
        certificates=wheels / "ca.pem",
    )


@pytest.mark.parametrize("content", ["index-url = x\n", "[global]\nproxy = a\nproxy = b\n"])
def test_a_file_that_pip_cannot_read_is_one_line(configure: Configure, content: str) -> None:
    with pytest.raises(UserError, match=r"^pip's settings cannot be read: .*PIP_CONFIG_FILE=/dev/null$"):
        configure(content)


def test_links_are_folders_pages_and_addresses_from_where_the_caller_is(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "plain").mkdir()
    (tmp_path / "page.html").touch()

    def read(value: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        chosen = pip.of_values({"find-links": value})
        return chosen.folders, chosen.links

    plain = tmp_path / "plain"
    assert read("plain") == read("./plain") == read("~/plain") == read(str(plain)) == ((plain,), ())
    assert read(str(wheels)) == read("my wheels") == read(wheels.as_uri()) == ((wheels,), ())
    assert read(f"plain {wheels.as_uri()}") == read("plain\nmy wheels") == ((plain, wheels), ())
    assert read("https://a/links plain") == ((plain,), ("https://a/links",))
    assert read("page.html nowhere") == ((), ((tmp_path / "page.html").as_uri(),))


def test_pip_gets_these_settings_and_no_others(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip itself says what it would do."""
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    chosen = pip.Sources(index=SECRET, folders=(wheels,), links=("https://a/links",), trusted=("a",))
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, env=pip.variables(chosen), capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()) == {
        f":env:.config-file='{os.devnull}'",
        ":env:.disable-pip-version-check='1'",
        f":env:.find-links='{wheels.as_uri()} https://a/links'",
        f":env:.index-url='{SECRET}'",
        f":env:.timeout='{pip.TIMEOUT}'",
        ":env:.trusted-host='a'",
    }


def test_uv_gets_pips_settings(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX", "https://elsewhere")
    chosen = pip.Sources("https://a/simple", ("https://b", "https://c"), (wheels,), trusted=("a", "b"), proxy="p:3128")
    made = uv_environment(chosen)
    assert made["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert made["UV_INDEX"] == f"https://b https://c {TORCH_INDEX}"
    assert made["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert made["UV_FIND_LINKS"] == wheels.as_uri()
    assert made["UV_INSECURE_HOST"] == "a b"
    assert made["HTTPS_PROXY"] == "http://p:3128"
    assert made["UV_NO_CONFIG"] == "1"
    assert uv_options(pip.Sources(no_index=True)) == ["--no-index"]
    assert uv_options(pip.Sources()) == []


def test_uv_finds_a_package_in_a_folder_with_a_space(tmp_path: Path) -> None:
    """The real uv resolves from the folder alone."""
    folders = (tmp_path / "a b, c", tmp_path / "second")
    for folder, name in zip(folders, ("alpha", "beta"), strict=True):
        folder.mkdir()
        (folder / f"{name}-1.0.tar.gz").write_bytes(sdist(tmp_path / name, name))
    chosen = pip.Sources(folders=folders, no_index=True)
    command = [uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", *uv_options(chosen), "-"]
    environment = uv_environment(chosen) | {"UV_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, input="alpha\nbeta\n", env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["alpha==1.0", "beta==1.0"], done.stderr


def sdist(work: Path, name: str) -> bytes:
    """A source distribution whose metadata is static."""
    folder = work / f"{name}-1.0"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"
    (folder / "PKG-INFO").write_text(metadata, encoding="utf-8")
    project = f'[project]\nname = "{name}"\nversion = "1.0"\n[build-system]\nrequires = []\nbuild-backend = "x"\n'
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    archive = work / "archive.tar.gz"
    subprocess.run(["tar", "-C", str(work), "-czf", str(archive), folder.name], check=True)
    return archive.read_bytes()


def test_a_folder_with_torch_makes_its_index_unneeded(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = pip.Sources(folders=(wheels,))
    monkeypatch.setenv("TORCH_INDEX_URL", "https://mirror/torch")
    assert uv_environment(chosen)["UV_INDEX"] == "https://mirror/torch"
    (wheels / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").touch()
    assert "UV_INDEX" not in uv_environment(chosen)


def test_uv_has_a_cache_where_home_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc")
    assert uv_environment(pip.Sources())["UV_CACHE_DIR"] == str(STATE / "uv-cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "UV_CACHE_DIR" not in uv_environment(pip.Sources())


@pytest.mark.parametrize(("value", "meant"), [("1", True), ("true", True), ("0", False), ("off", False), ("", False)])
def test_a_switch_is_read_as_pip_reads_it(value: str, meant: bool) -> None:
    assert pip.of_values({"no-index": value}).no_index is meant
    with pytest.raises(UserError, match=r"no-index is 'perhaps'.*PIP_NO_INDEX"):
        pip.of_values({"no-index": "perhaps"})


def test_certificates_are_the_first_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / 'a, "b".pem'
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    chosen = pip.of_values({"cert": str(bundle)})
    assert chosen.certificates == bundle
    assert uv_environment(chosen)["SSL_CERT_FILE"] == str(bundle)
    with build_settings(chosen) as (options, _):
        assert options == ["--secret", f'id=ca,"src={tmp_path}/a, ""b"".pem"']


def test_no_credential_is_on_the_builds_command_line(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy:1")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://me:secret@npm.example")
    monkeypatch.setenv("TORCH_INDEX_URL", SECRET)
    chosen = pip.Sources(SECRET, (SECRET, "file:///of/this/machine"), (wheels,), (f"{SECRET}/links",), True, ("a",))
    with build_settings(chosen) as (options, variables):
        command = build.build_command("lab-cpu", {}, [], options)
    assert "secret@" not in " ".join(command)
    assert options == [
        *("--build-arg", "https_proxy"),
        *("--secret", f"id=sources,env={package_sources.BUILD_VARIABLE}"),
        *("--build-context", f"wheels={wheels}"),
    ]
    assert variables["https_proxy"] == "http://me:secret@proxy:1"
    assert in_the_build(variables) == {
        "PIP_INDEX_URL": SECRET,
        "PIP_EXTRA_INDEX_URL": SECRET,
        "PIP_FIND_LINKS": f"{SECRET}/links",
        "PIP_NO_INDEX": "1",
        "PIP_TRUSTED_HOST": "a",
        "NPM_CONFIG_REGISTRY": "https://me:secret@npm.example",
        "TORCH_INDEX_URL": SECRET,
    }


def in_the_build(variables: dict[str, str]) -> dict[str, str]:
    """The variables that the lines of the secret export in a shell of the build."""
    script = f"{variables[package_sources.BUILD_VARIABLE]}\nexec env -0"
    done = subprocess.run(["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    pairs = (line.partition("=") for line in done.stdout.decode().split("\0") if line)
    return {name: value for name, _, value in pairs if name not in {"PATH", "PWD", "_", "SHLVL", "OLDPWD"}}


def test_a_value_with_quotes_reaches_the_build_unchanged() -> None:
    index = "https://me:it's $HOME;`id`@index.example/simple"
    with build_settings(pip.Sources(index)) as (_, variables):
        assert in_the_build(variables) == {"PIP_INDEX_URL": index}


def test_several_folders_are_one_for_the_build(wheels: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    for folder, name in ((wheels, "a.whl"), (wheels, "both.whl"), (second, "both.whl"), (second, "b.whl")):
        (folder / name).write_text(folder.name, encoding="utf-8")
    with build_settings(pip.Sources(folders=(wheels, second))) as (options, _):
        merged = Path(options[1].removeprefix("wheels="))
        made = {file.name: file.read_text(encoding="utf-8") for file in merged.iterdir()}
    assert made == {"a.whl": "my wheels", "both.whl": "my wheels", "b.whl": "second"}
    assert not merged.exists()
    assert (second / "both.whl").read_text(encoding="utf-8") == "second"


def test_a_recorded_dockerfile_gets_the_arguments_that_it_may_know() -> None:
    with build_settings(pip.Sources(SECRET), recorded=True) as (options, variables):
        assert options[:2] == ["--build-arg", "PIP_INDEX_URL"]
        assert variables["PIP_INDEX_URL"] == SECRET


def test_a_strangers_dockerfile_gets_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker gives a build the proxies of its client's settings, unless they are named, as here."""
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy:1")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://me:secret@npm.example")
    monkeypatch.setenv("TORCH_INDEX_URL", SECRET)
    chosen = pip.Sources(SECRET, (SECRET, SECRET), (), ("https://me:se@cret@index.example/links",))
    with build_settings(chosen, recorded=True, credentials=False) as (options, variables):
        arguments = {name for option, name in itertools.pairwise(options) if option == "--build-arg"}
        given = {name: variables[name] for name in arguments} | in_the_build(variables)
    assert "cret" not in str(given)
    assert given["PIP_EXTRA_INDEX_URL"] == "https://index.example/simple https://index.example/simple"
    assert given["https_proxy"] == "http://proxy:1"
    assert given["HTTP_PROXY"] == given["http_proxy"] == given["ALL_PROXY"] == ""


def test_nothing_set_nothing_passed() -> None:
    with build_settings(pip.sources(sys.executable)) as (options, _):
        assert options == []


def test_every_step_that_asks_an_index_has_the_secrets() -> None:
    steps = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").split("\nRUN ")[1:]
    asking = [step for step in steps if "pip install" in step or "install-lock" in step or "/fetch-data /opt" in step]
    assert len(asking) == 3
    assert all("id=sources" in step and "id=ca" in step for step in asking)
