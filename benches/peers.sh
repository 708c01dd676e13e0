#!/bin/sh
# The tools people would use instead, under the loads of benches/side_by_side, each beside the bare library as
# sockscope is: rows for the table of `cargo bench --bench side_by_side`. A tool that is not installed is said so.
#
#   benches/peers.sh [--seconds 1] [--rounds 3]
set -eu
cd "$(dirname "$0")/.."
node="$PWD/tests/peers"

# A tool, a load (see `LOADS` in side_by_side/loads.rs), and the tool as a server on {port}.
measure() {
    tool=$1 load=$2 command=$3
    shift 3
    if ! command -v "${tool%% *}" > /dev/null; then
        echo "not installed: $tool" >&2
        return
    fi
    cargo bench --quiet --bench side_by_side -- "$load" --exact --rows --peer "$tool=$command" "$@" ||
        echo "failed: $tool under $load" >&2
}

echo_js='require("net").createServer(s => s.on("error", () => {}).pipe(s)).listen({port}, "127.0.0.1")'
udp_js='const s = require("dgram").createSocket("udp4"); s.on("message", (m, r) => s.send(m, r.port, r.address));
    s.bind({port}, "127.0.0.1")'
http_js='require("http").createServer((q, r) => q.resume().on("end", () => r.end("hello from the other side of the loop\n")))
    .listen({port}, "127.0.0.1")'
ws_js='new (require("ws").WebSocketServer)({ host: "127.0.0.1", port: {port} })
    .on("connection", s => s.on("message", (m, binary) => s.send(m, { binary })))'

for load in tcp-32 tcp-bulk tcp-churn; do
    measure websocat "$load" "websocat -b tcp-l:127.0.0.1:{port} mirror:" "$@"
    measure socat "$load" "socat TCP-LISTEN:{port},fork,reuseaddr,backlog=128 PIPE" "$@"
    measure node "$load" "node -e '$echo_js'" "$@"
done
measure ncat tcp-32 "ncat -k -l 127.0.0.1 {port} -e /bin/cat" "$@"
measure node udp-32 "node -e '$udp_js'" "$@"
measure node http-32 "node -e '$http_js'" "$@"
for load in ws-32 ws-bulk; do
    measure websocat "$load" "websocat -s 127.0.0.1:{port} mirror:" "$@"
    [ -d "$node/node_modules/ws" ] || { echo "not installed: npm ci --prefix tests/peers" >&2; continue; }
    measure node "$load" "cd $node && exec node -e '$ws_js'" "$@"
done
# A proxy: one hop more, and a server behind it.
if command -v mitmdump > /dev/null; then
    node -e "$(printf %s "$http_js" | sed 's/{port}/18999/')" &
    behind=$!
    trap 'kill $behind' EXIT
    measure mitmdump http-32 "mitmdump -q --mode reverse:http://127.0.0.1:18999 --listen-host 127.0.0.1 -p {port}" "$@"
else
    echo "not installed: mitmdump" >&2
fi
