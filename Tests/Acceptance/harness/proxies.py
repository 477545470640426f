"""Other people's proxies, in front of the gateway and behind it."""

import pathlib
import shutil
import string

from .process import Process

#: Where Debian has what `nginx` loads at run time.
NGINX_MODULES = pathlib.Path("/usr/lib/nginx/modules")


def _program(name):
    # They are for administrators, whose `PATH` is longer.
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is not installed: Tests/run does that"
    return path


class HAProxy(Process):
    """HAProxy with sections in which `$name` stands for a port or a path; it listens on `port`."""

    DEFAULTS = """
global
    maxconn 200
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
"""

    def __init__(self, text, folder, port, **names):
        self.port = port
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "haproxy.cfg"
        file.write_text(self.DEFAULTS + string.Template(text).substitute(names, port=port))
        super().__init__(f"haproxy-{port}", [_program("haproxy"), "-db", "-f", file], folder)
        self.wait_for_port(port)


class Nginx(Process):
    """nginx with `http` and `stream` blocks in which `$$name` is a variable of its own."""

    START = """
pid $folder/nginx.pid;
error_log stderr;
daemon off;
worker_processes 1;
events { worker_connections 200; }
"""

    def __init__(self, text, folder, port, **names):
        self.port = port
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "nginx.conf"
        start = self.START
        module = NGINX_MODULES / "ngx_stream_module.so"
        if module.exists():
            start = f"load_module {module};\n" + start
        file.write_text(string.Template(start + text).substitute(names, port=port, folder=folder))
        command = [_program("nginx"), "-p", folder, "-e", "stderr", "-c", file]
        super().__init__(f"nginx-{port}", command, folder)
        self.wait_for_port(port)
