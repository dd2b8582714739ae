"""The house stands as it was drawn: imports run one way, core is pure, and each third party has one home.

The imports are parsed, not executed, so that one inside a function counts as well.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "stagenorm"

# Lowest first: a module imports from its own layer or a lower one.
LAYERS = [
    {"errors"},
    {"files", "core", "times", "urls"},
    {"events"},
    {"boundary"},
    {"asgi", "wsgi"},
    {"stores"},
    {"observe"},
    {"backfill"},
    {"backups"},
    {"consumers"},
    {"rollout"},
    {"config"},
    {"ops"},
    {"testing"},
    {"demo"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Where each third party may be imported: one file, or one folder that exists for it.
HOMES = {
    "msgspec": {"boundary", "consumers/json_lines.py", "events.py", "stores"},
    "ua_parser": {"consumers/agents.py"},
    "isal": {"consumers/log_files.py"},
    "zstandard": {"consumers/log_files.py"},
    "ahocorasick_rs": {"consumers/source_tree.py"},
    "pathspec": {"consumers/source_tree.py"},
    "jinja2": {"consumers/page.py"},
    "hypothesis": {"testing"},
    "pytest": {"testing/stores.py"},
    "redis": {"stores/redis.py"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "a2wsgi": {"ops/wsgi.py"},
    "anyio": {"ops"},
    "httpx": {"cli/ops_client.py", "demo/client.py", "ops/relay.py", "rollout/paging.py", "rollout/prometheus.py"},
    "itsdangerous": {"backups/receipt.py", "ops/tokens.py"},
    "prometheus_client": {"observe/prometheus.py"},
    "pydantic": {"ops"},
    "pythonjsonlogger": {"observe/json_logs.py"},
    "sqlalchemy": {"backfill"},
    "starlette": {"demo/service.py", "ops"},
    "uvicorn": {"demo/server.py", "ops/serving.py"},
    "tomli": {"config/toml.py"},
    "_typeshed": {"wsgi.py"},
}

MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py" or path.parent != ROOT)


def imported(path):
    """Every absolute module name that a file imports, with whether it is for annotations only."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module
            yield module, id(node) in typing_only
            if module == "stagenorm":
                yield from ((f"stagenorm.{alias.name}", id(node) in typing_only) for alias in node.names)


def layer(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards(path):
    mine = RANK[layer(path)]
    for name, typing_only in imported(path):
        parts = name.split(".")
        if parts[0] != "stagenorm" or (path.name == "errors.py" and typing_only):
            continue
        assert len(parts) > 1, f"{path} imports the package itself: import the module"
        assert RANK[parts[1]] <= mine, f"{path} imports {name}, which lies above it"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_third_party_has_one_home(path):
    here = path.relative_to(ROOT).as_posix()
    for name, _ in imported(path):
        party = name.split(".")[0]
        if party == "stagenorm" or party in sys.stdlib_module_names or party == "tomllib":
            continue
        homes = HOMES.get(party, set())
        assert any(here == home or here.startswith(f"{home}/") for home in homes), f"{here} imports {party}"


@pytest.mark.parametrize("path", sorted((ROOT / "core").glob("*.py")), ids=lambda path: path.name)
def test_core_has_no_io_no_clock_and_no_randomness(path):
    forbidden = {
        "io",
        "os",
        "pathlib",
        "socket",
        "time",
        "datetime",
        "random",
        "secrets",
        "threading",
        "logging",
        "asyncio",
    }
    assert not forbidden & {name.split(".")[0] for name, _ in imported(path)}


def test_every_layer_exists_and_every_module_has_one():
    found = {layer(path) for path in MODULES}
    assert found == set(RANK)


def test_a_bare_install_imports_the_middleware():
    """With everything but the standard library and msgspec out of reach."""
    program = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        party = name.split(".")[0]
        if party not in {"stagenorm", "msgspec"} and party not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"blocked: {name}", name=name)
sys.meta_path.insert(0, Blocked())
import stagenorm, stagenorm.asgi, stagenorm.wsgi, stagenorm.stores, stagenorm.observe
assert stagenorm.Normalizer(stagenorm.INVESTMENT_STAGES).canonical("Series A") == "series-a"
from stagenorm.observe import LogHook, OffendersHook
for extra in (
    "stagenorm.ops", "stagenorm.testing", "stagenorm.demo.service", "stagenorm.observe.prometheus", "stagenorm.observe.json_logs",
    "stagenorm.backfill.database", "stagenorm.backups.receipt", "stagenorm.consumers.agents", "stagenorm.consumers.page",
    "stagenorm.consumers.log_files", "stagenorm.consumers.source_tree",
):
    try:
        __import__(extra)
    except stagenorm.MissingExtraError as error:
        assert "pip install" in str(error), error
    else:
        raise AssertionError(f"{extra} came without its extra")
try:
    from stagenorm.observe import PrometheusHook
except stagenorm.MissingExtraError as error:
    assert "PrometheusHook needs an optional dependency: pip install 'stagenorm[metrics]'" == str(error), error
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
