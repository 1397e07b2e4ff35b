"""The measurements, and the tables that they print."""
import http.client
import re
import resource
import socket
import ssl
import statistics
import subprocess
import time
import urllib.request

import servers

QUERY = "sum%20by%20(service)%20(rate(http_requests_{}_total%7Bcode%3D~%225..%22%7D%5B5m%5D))"
WARM_SECONDS = 1


def path_of(proxy, shape):
    """The same request for all: a dashboard's query. The shape of the answer travels in the metric's name."""
    prefix = "/prometheus" if proxy.name.startswith("bartizan") else ""
    return f"{proxy.url}{prefix}/api/v1/query?query={QUERY.format(shape)}"


def fetch(proxy, shape):
    """The body of an answer, over a connection that stays open: nginx cuts large ones where it is to be closed."""
    scheme, _, authority = proxy.url.partition("://")
    if scheme == "https":
        connection = http.client.HTTPSConnection(authority, context=ssl._create_unverified_context(), timeout=30)
    else:
        connection = http.client.HTTPConnection(authority, timeout=30)
    headers = dict(header.split(": ", 1) for header in proxy.headers)
    connection.request("GET", path_of(proxy, shape).removeprefix(proxy.url), headers=headers)
    body = connection.getresponse().read()
    connection.close()
    return body


def compare_answers(stand, proxies, sizes):
    for name, shape in sizes:
        direct = urllib.request.urlopen(f"http://127.0.0.1:{stand.backend_port}/?{shape}", timeout=30).read()
        for proxy in proxies:
            if fetch(proxy, shape) != direct:
                raise SystemExit(f"{proxy.name} changed the answer of {name}")
    print("All answers are those of the backend, byte for byte.\n")


def load(proxy, shape, connections, protocol, seconds, *more):
    command = ["taskset", "-c", servers.LOAD_CORE, "h2load", "-c", str(connections), "-t", "1", "-D", f"{max(1, round(seconds))}s", *more]
    command += ["--h1"] if protocol == "h1" else ["-m", "1"]
    for header in proxy.headers:
        command += ["-H", header]
    done = subprocess.run([*command, path_of(proxy, shape)], capture_output=True, text=True)
    counts = re.search(r"requests: (\d+) total.*?(\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    if not counts or any(int(codes[i]) for i in (2, 3, 4)):
        raise SystemExit(f"{proxy.name}: {done.stdout}{done.stderr}")
    return int(codes[1])


def cost(proxy, shape, connections, protocol, seconds):
    """CPU microseconds of the proxy for each request, and requests for each second."""
    load(proxy, shape, connections, protocol, WARM_SECONDS)
    before, began = proxy.cpu_seconds(), time.monotonic()
    requests = load(proxy, shape, connections, protocol, seconds)
    return (proxy.cpu_seconds() - before) / requests * 1e6, requests / (time.monotonic() - began)


def cpu(stand, proxies, sizes, connections, protocol, rounds, seconds):
    able = [proxy for proxy in proxies if protocol in proxy.protocols]
    print(f"## CPU of the proxy for each request, {connections} connections, {protocol} (median of {2 * rounds} runs; µs)")
    for name, shape in sizes:
        runs = {proxy.name: [] for proxy in able}
        for _ in range(rounds):
            for proxy in [*able, *reversed(able)]:
                runs[proxy.name].append(cost(proxy, shape, connections, protocol, seconds))
        table(name, able, {proxy: statistics.median(us for us, _ in found) for proxy, found in runs.items()},
              {proxy: statistics.median(rate for _, rate in found) for proxy, found in runs.items()})
    print()


def table(name, able, costs, rates):
    base = costs[able[0].name]
    for proxy in able:
        value = costs[proxy.name]
        print(f"  {name:14} {proxy.name:40} {value:9.1f} µs   {value / base:5.2f} x nginx   {rates[proxy.name]:9.0f} req/s")


def latency(stand, proxies, rounds):
    print("## Latency at 500 requests/s, 10 connections, 1.3 KB, h1 (medians; ms)")
    log = stand.folder / "latency.log"
    direct = servers.Proxy("backend, direct", f"http://127.0.0.1:{stand.backend_port}", ("h1",), None)
    found = {}
    for _ in range(rounds):
        for proxy in [direct, *proxies, *reversed(proxies), direct]:
            log.unlink(missing_ok=True)
            load(proxy, "size1300", 10, "h1", 4, "--rps=50", f"--log-file={log}")
            times = sorted(int(line.split()[2]) / 1000 for line in log.read_text().splitlines())
            found.setdefault(proxy.name, []).append((times[len(times) // 2], times[len(times) * 99 // 100]))
    middle = {name: [statistics.median(column) for column in zip(*pairs)] for name, pairs in found.items()}
    base = middle[direct.name]
    for name, (p50, p99) in middle.items():
        print(f"  {name:40} p50 {p50:7.3f}  p99 {p99:7.3f}   added: p50 {p50 - base[0]:7.3f}  p99 {p99 - base[1]:7.3f}")
    print()


def handshakes(stand, proxies, rounds, seconds):
    print("## CPU of a full TLS 1.3 handshake with a P-256 certificate (medians; µs)")
    able = [proxy for proxy in proxies if proxy.url.startswith("https")]
    runs = {proxy.name: [] for proxy in able}
    for _ in range(rounds):
        for proxy in [*able, *reversed(able)]:
            before = proxy.cpu_seconds()
            command = ["taskset", "-c", servers.LOAD_CORE, "openssl", "s_time", "-connect", proxy.url.removeprefix("https://"), "-new", "-time", str(max(1, round(seconds)))]
            done = subprocess.run(command, capture_output=True, text=True)
            connections = int(re.search(r"(\d+) connections in [\d.]+s;", done.stdout)[1])
            runs[proxy.name].append((proxy.cpu_seconds() - before) / connections * 1e6)
    base = statistics.median(runs[able[0].name])
    for name, values in runs.items():
        value = statistics.median(values)
        print(f"  {name:40} {value:9.0f} µs   {value / base:5.2f} x nginx")
    print()


def idle(stand, proxies, count=10_000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    print(f"## Memory of an idle h1 connection, {count} held after one request each")
    for proxy in [proxy for proxy in proxies if proxy.url.startswith("https")]:
        before = proxy.resident_kib()
        held = hold(proxy, count)
        time.sleep(4)
        after = proxy.resident_kib()
        alive = sum(1 for connection in held[:: max(1, count // 100)] if answered(connection, proxy))
        print(f"  {proxy.name:40} {before / 1024:6.1f} MiB before, {(after - before) / len(held):6.1f} KiB each; {alive} of {len(held[:: max(1, count // 100)])} tried still answer")
        for connection in held:
            connection.close()
        time.sleep(1)
    print()


def hold(proxy, count):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["http/1.1"])
    port = int(proxy.url.rpartition(":")[2])
    held = []
    for _ in range(count):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
        if not answered(connection, proxy):
            raise SystemExit(f"{proxy.name} does not answer connection {len(held)}")
        held.append(connection)
    return held


def answered(connection, proxy):
    path = path_of(proxy, "size1300").removeprefix(proxy.url)
    headers = "".join(f"{header}\r\n" for header in proxy.headers)
    try:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        received = b""
        while not received.endswith(b" "):
            piece = connection.recv(65536)
            if not piece:
                return False
            received += piece
            head, gap, body = received.partition(b"\r\n\r\n")
            if gap and len(body) >= 1300:
                return head.startswith(b"HTTP/1.1 200")
        return received.startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start(stand):
    print("## From start to ready (medians of 5)")
    for plugins in (0, 20):
        if plugins and not (servers.ROOT / "target/guests/json-exporter.wasm").exists():
            print("  20 plugins: left out; run plugins/build first")
            continue
        port, admin = servers.free_port(), servers.free_port()
        stand.write_settings("start.yaml", port, admin, plugins)
        times, memory = [], 0
        for attempt in range(6):
            began = time.monotonic()
            process = stand.spawn("start", [servers.ROOT / "target/release/bartizan", "serve", "--config", stand.folder / "start.yaml"], servers.PROXY_CORE)
            ready(admin, plugins)
            times.append((time.monotonic() - began) * 1000)
            memory = servers.Proxy("start", "", (), process).resident_kib()
            process.terminate()
            process.wait(timeout=20)
        # The first start compiles the plugins.
        print(f"  {plugins:2} plugins: {statistics.median(times[1:]):6.0f} ms, {memory / 1024:5.1f} MiB resident")
    print()


def ready(admin, plugins, seconds=60):
    """Until the gateway is ready and every plugin has a version in place."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{admin}/-/ready", timeout=1).read()
            text = urllib.request.urlopen(f"http://127.0.0.1:{admin}/exporters/metrics", timeout=1).read().decode()
            if len(set(re.findall(r'bartizan_plugin_up\{[^}]*plugin="([^"]+)"[^}]*\} 1', text))) >= plugins:
                return
        except OSError:
            pass
        time.sleep(0.002)
    raise SystemExit("the gateway did not become ready")
