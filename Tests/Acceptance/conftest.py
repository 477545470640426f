"""The apps run once a session; a gateway once a module, or a test, with its own configuration."""

import asyncio
import functools
import itertools
import resource

import pytest

from harness import gateway as gateways
from harness import shares
from harness.blocks import blocks
from harness.certificates import Authority, make_certificate
from harness.chromium import HOST, Chromium
from harness.deflating import KINDS
from harness.door import Door
from harness.gateway import Gateway
from harness.key_server import KeyServer
from harness.others import table
from harness.ports import free_port
from harness.process import App
from harness.proxies import HAProxy, Nginx
from harness.reading_app import ReadingApp
from harness.secrecy import secrecy
from harness.waiting import wait_until
from harness.visitors import KINDS as VISITORS
from harness.visitors import Hall, Visitors
from harness.wire import Upstream


# Thousands of sockets, here and in every child.
_, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_most, _most))


@pytest.fixture(scope="session", autouse=True)
def all_secrets_are_kept():
    """When the run is over: no token, secret or ticket of any test stands in anything that any
    gateway wrote or said."""
    yield
    leaks = secrecy.verdict()
    assert not leaks, "\n".join([f"{len(leaks)} places hold a secret:", *leaks[:20]])


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("apps")


def _app(name):
    """A fixture: the app, for as long as the session."""

    @pytest.fixture(scope="session", name=name)
    def run(folder):
        with App(name, free_port(), folder) as app:
            yield app

    return run


#: Django Channels under Daphne.
hospital = _app("hospital")
#: FastAPI under Uvicorn.
waiting = _app("waiting")
#: A language model, and MCP, on Starlette under Uvicorn.
models = _app("models")
#: Socket.IO under Uvicorn.
chat = _app("chat")
#: The server that misbehaves on request.
odd = _app("odd")
#: An echo on the `websockets` library.
echo = _app("echo")


@pytest.fixture(scope="session")
def trusted(tmp_path_factory):
    """Certificate and key, as names for a configuration, which the browser trusts."""
    certificate, key = make_certificate(
        tmp_path_factory.mktemp("certificate"), HOST, "127.0.0.1"
    )
    return {"certificate": certificate, "key": key}


@pytest.fixture(scope="session")
def browser(tmp_path_factory, trusted):
    """Chromium; where there is none, the tests that want it fail."""
    with Chromium(tmp_path_factory.mktemp("chromium"), trusted["key"]) as chromium:
        yield chromium


@pytest.fixture
def start_app(tmp_path):
    """Starts an app of one's own, to be killed at will."""
    apps = []

    def start(name, port=None):
        apps.append(App(name, port or free_port(), tmp_path))
        return apps[-1]

    yield start
    for app in apps:
        app.stop()


@pytest.fixture(scope="module")
def start_module_gateway(tmp_path_factory):
    """`start(text, name=port…)`: a gateway that runs until the module's tests are done."""
    yield from _starter(lambda: tmp_path_factory.mktemp("gateway"))


@pytest.fixture
def start_gateway(tmp_path):
    """`start(text, name=port…)`: a gateway that runs until the test is done."""
    counter = itertools.count()
    yield from _starter(lambda: tmp_path / f"gateway{next(counter)}")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Signs the certificates of issuers."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def issuer(authority):
    """A web server that hands out keys."""
    with KeyServer(free_port(), *authority.issue("issuer")) as server:
        yield server


@pytest.fixture
def start_blocks(start_gateway, authority, hospital, waiting):
    """`start({name: words…})`: a gateway with such `jwt` blocks (`harness/blocks.py`)."""
    names = {"hospital": hospital, "waiting": waiting, "ca": str(authority.path)}
    return lambda words: start_gateway(blocks(words), **names)


@pytest.fixture(scope="module")
def start_proxy(tmp_path_factory):
    """`start(kind, text, name=port…)`: HAProxy or nginx until the module's tests are done, each on a
    port of its own."""
    proxies = []

    def start(kind, text, port=None, **names):
        folder = tmp_path_factory.mktemp("proxy")
        values = {name: getattr(value, "port", value) for name, value in names.items()}
        proxies.append(kind(text, folder, port or free_port(), **values))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def start_haproxy(start_proxy):
    return functools.partial(start_proxy, HAProxy)


@pytest.fixture
def start_nginx(start_proxy):
    return functools.partial(start_proxy, Nginx)


@pytest.fixture(scope="module")
def app_port():
    """Where the tests of a module are themselves the app, one after the other."""
    return free_port()


@pytest.fixture
async def upstream(app_port):
    """The app is this test."""
    async with Upstream(app_port) as upstream:
        yield upstream


@pytest.fixture
async def reading_app(app_port):
    """The app is this test; it reads with h11."""
    app = ReadingApp()
    async with await asyncio.start_server(app.serve, "127.0.0.1", app_port):
        yield app
        app.hang_up()


@pytest.fixture
async def hall(app_port):
    """The app is this test, and greets whoever comes."""
    async with Hall(app_port) as hall:
        yield hall


@pytest.fixture
async def several(gateway):
    """`several(kind)`: devices of a kind that come to a store which nobody else goes to."""
    groups = []

    def gather(kind, door=None):
        groups.append(Visitors(kind, door or gateway.plain))
        return groups[-1]

    yield gather
    for group in groups:
        await group.go()


@pytest.fixture(params=VISITORS)
def visitors(request, several):
    """`visitors()`: as `several`, of one kind after the other."""
    return functools.partial(several, request.param)


@pytest.fixture(scope="module")
def start_wired_gateway(start_module_gateway, app_port):
    """`start(text)`: a gateway in front of `$app`, which is the test; when the module's tests are
    done it must have given back every connection."""
    started = []

    def start(text, **names):
        started.append(start_module_gateway(text, app=app_port, **names))
        return started[-1]

    yield start
    for gateway in started:
        wait_until(
            lambda: not gateway.is_alive() or gateway.connections() == 0,
            "every connection to be given back",
        )


@pytest.fixture(scope="module")
def gateway(request, start_wired_gateway):
    """The module's `CONFIGURATION` in front of the test. A module that is not itself the app has
    another one."""
    return start_wired_gateway(request.module.CONFIGURATION)


@pytest.fixture(params=KINDS)
def kind(request):
    """The gateway passes frames on, or takes messages apart to compress them."""
    return request.param


def _starter(make_folder):
    started = []

    def start(text, **names):
        started.append(Gateway(text, make_folder(), **names))
        return started[-1]

    yield start
    problems = []
    for gateway in started:
        if gateway in gateways.running:
            try:
                gateway.finish()
            except AssertionError as problem:
                problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def hospital_itself(hospital):
    return Door("the hospital app itself", hospital.port)


@pytest.fixture(scope="session")
def waiting_itself(waiting):
    return Door("the waiting app itself", waiting.port)


@pytest.fixture(scope="session")
def models_itself(models):
    return Door("the models themselves", models.port)


@pytest.fixture(scope="session")
def odd_itself(odd):
    return Door("the odd app itself", odd.port)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for gateway in gateways.running:
            report.sections.append(("gateway's stderr", gateway.stderr[-6000:]))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config, log):
    """`--dist loadfile`: files stay together here, too, but the longest are cut into shares."""
    if config.getvalue("dist") != "loadfile":
        return None
    # The shares come in the order of the tests, of which the longest are the first.
    config.option.loadscopereorder = False
    return shares.ShareScheduling(config, log)


def pytest_collection_modifyitems(config, items):
    """The longest file first, where tests run beside each other."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -shares.seconds(item.path))


def pytest_terminal_summary(terminalreporter):
    """The table of other people's apps, when any was tried."""
    reports = [
        report
        for word in ("passed", "failed", "xfailed", "xpassed")
        for report in terminalreporter.stats.get(word, [])
    ]
    lines = table(reports)
    if lines:
        terminalreporter.section("other people's apps")
        for line in lines:
            terminalreporter.line(line)
