"""The proxies of the benchmark and the backend behind them, each started on loopback and ended with the run."""
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "bartizan"
PACKAGES = {"nginx": "nginx-light", "h2load": "nghttp2-client", "vmauth": "victoria-metrics", "openssl": "openssl", "taskset": "util-linux"}
LABEL_PROXY = "github.com/prometheus-community/prom-label-proxy@v0.11.1"
PROXY_CORE, LOAD_CORE = "0", "1"


class Proxy:
    """One proxy: how it is reached, what its clients send, and the processes whose time is its own."""

    def __init__(self, name, url, protocols, process, headers=()):
        self.name, self.url, self.protocols, self.process, self.headers = name, url, protocols, process, headers

    def pids(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        lines = [line for pid in self.pids() for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


class Stand:
    """A folder, free ports, and everything that runs for a measurement."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bartizan-bench-"))
        self.running = []
        missing = [PACKAGES[name] for name in PACKAGES if not shutil.which(name)]
        if missing:
            raise SystemExit(f"missing; install them with: apt-get install --no-install-recommends {' '.join(missing)}")
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_all(self):
        self.certificates()
        self.backend_port = free_port()
        backend = self.spawn("backend", [ROOT / "target/release/bench-backend", f"127.0.0.1:{self.backend_port}"], LOAD_CORE)
        wait_for(self.backend_port, backend)
        found = [self.nginx(), self.gateway(), self.vmauth(), self.label_proxy()]
        return [proxy for proxy in found if proxy]

    def spawn(self, name, command, core, **options):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(["taskset", "-c", core, *map(str, command)], stdout=log, stderr=log, **options)
        self.running.append(process)
        return process

    def certificates(self):
        run = lambda *command: subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        run("openssl", "genrsa", "-out", "jwt.key", "2048")

    def token(self):
        modulus = subprocess.run(["openssl", "rsa", "-in", "jwt.key", "-noout", "-modulus"], cwd=self.folder, check=True, capture_output=True, text=True)
        number = bytes.fromhex(modulus.stdout.strip().partition("=")[2])
        keys = {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "bench", "n": url64(number), "e": "AQAB"}]}
        (self.folder / "jwks.json").write_text(json.dumps(keys))
        now = int(time.time())
        claims = {"iss": "https://bench.example.com/", "aud": "bartizan", "sub": "bo", "groups": ["payments"], "iat": now, "exp": now + 86400}
        signed = ".".join(url64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT", "kid": "bench"}, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", "jwt.key"], cwd=self.folder, input=signed.encode(), check=True, capture_output=True)
        return f"{signed}.{url64(signature.stdout)}"

    def nginx(self):
        port = free_port()
        (self.folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events {{ worker_connections 30000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_temp_path tmp; proxy_temp_path tmp;
  fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  upstream backend {{ server 127.0.0.1:{self.backend_port}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} ssl http2 backlog=4096; ssl_certificate server.pem; ssl_certificate_key server.key; ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}""")
        process = self.spawn("nginx", ["nginx", "-p", f"{self.folder}/", "-c", "nginx.conf", "-e", "stderr"], PROXY_CORE)
        wait_for(port, process)
        return Proxy("nginx (TLS alone)", f"https://127.0.0.1:{port}", ("h1", "h2"), process)

    def gateway(self):
        port = free_port()
        token = self.token()
        self.write_settings("bartizan.yaml", port, free_port(), plugins=0)
        process = self.spawn("bartizan", [ROOT / "target/release/bartizan", "serve", "--config", self.folder / "bartizan.yaml"], PROXY_CORE)
        wait_for(port, process)
        return Proxy("bartizan (TLS, JWT, narrowing, audit)", f"https://127.0.0.1:{port}", ("h1", "h2"), process, [f"authorization: Bearer {token}"])

    def write_settings(self, name, port, admin, plugins):
        component = ROOT / "target/guests/json-exporter.wasm"
        (self.folder / "policy.yaml").write_text(
            "roles:\n  payments:\n    grants:\n      - {backend: prometheus, actions: [read], selectors: ['{team=\"payments\"}']}\n"
            "bindings:\n  - {role: payments, groups: [payments]}\n")
        settings = {
            "listen": {"address": f"127.0.0.1:{port}", "certificates": [{"certificate": "server.pem", "key": "server.key"}],
                       "limits": {"connections": 30000, "idle_timeout": "600s"}},
            "admin": f"127.0.0.1:{admin}", "workers": 1, "policy": "policy.yaml",
            "identity": {"issuers": [{"issuer": "https://bench.example.com/", "audiences": ["bartizan"], "jwks_file": "jwks.json"}]},
            "backends": {"prometheus": {"kind": "prometheus", "replicas": [f"http://127.0.0.1:{self.backend_port}"]}},
            "plugins": [{"name": f"plugin-{number}", "file": str(component), "interval": "60s",
                         "http": [f"http://127.0.0.1:{self.backend_port}"],
                         "settings": {"url": f"http://127.0.0.1:{self.backend_port}/", "metrics": [{"name": f"status_{number}", "help": "x", "value": "data.result[0].value[0]"}]}}
                        for number in range(plugins)],
        }
        (self.folder / name).write_text(json.dumps(settings))

    def vmauth(self):
        port = free_port()
        (self.folder / "vmauth.yaml").write_text(f'users:\n- bearer_token: "bench"\n  url_prefix: "http://127.0.0.1:{self.backend_port}/"\n')
        process = self.spawn("vmauth", ["vmauth", f"-auth.config={self.folder}/vmauth.yaml", "-tls", f"-tlsCertFile={self.folder}/server.pem",
                                        f"-tlsKeyFile={self.folder}/server.key", f"-httpListenAddr=127.0.0.1:{port}"], PROXY_CORE)
        wait_for(port, process)
        return Proxy("vmauth (TLS, static token)", f"https://127.0.0.1:{port}", ("h1",), process, ["authorization: Bearer bench"])

    def label_proxy(self):
        program = CACHE / "prom-label-proxy-v0.11.1" / "prom-label-proxy"
        if not program.exists():
            if not shutil.which("go"):
                print("prom-label-proxy is left out: there is no Go toolchain to build it with")
                return None
            environment = os.environ | {"GOBIN": str(program.parent), "CGO_ENABLED": "0"}
            subprocess.run(["go", "install", LABEL_PROXY], check=True, env=environment)
        port = free_port()
        process = self.spawn("label-proxy", [program, "-label=team", "-label-value=payments", f"-upstream=http://127.0.0.1:{self.backend_port}",
                                             f"-insecure-listen-address=127.0.0.1:{port}"], PROXY_CORE)
        wait_for(port, process)
        return Proxy("prom-label-proxy (narrowing, no TLS)", f"http://127.0.0.1:{port}", ("h1",), process)


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[3]} ended with {process.returncode}; its log is in the bench folder")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{process.args[3]} does not listen on {port} after {seconds} s")
