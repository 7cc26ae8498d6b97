#!/bin/sh
# What llmf_metrics prints, before the parser of Prometheus itself: `promtool check metrics` parses it and looks for what its authors advise against. And
# examples/metrics, scraped while its calls run.
. tests/lib.sh
if ! command -v promtool >/dev/null 2>&1; then
    skip "there is no promtool (Debian: prometheus)"
    total
    exit 0
fi
good() { promtool check metrics <"$1"; }
refused() { ! promtool check metrics <"$1"; }

[ -x build/tests/metrics ] || { mkdir -p build/tests && ok "the test builds" "${CC:-cc}" -std=c99 -g -O1 -I. -o build/tests/metrics tests/engine/metrics.c -lcmocka -lcurl -lm -lpthread; }
ok "hostile names and the bound" env LLMF_METRICS_OUT="$t/hostile" build/tests/metrics
ok "hostile names and the bound: promtool" good "$t/hostile"
sed 's/^\(llm_calls_active\) .*/\1 x/' "$t/hostile" >"$t/broken"
ok "promtool refuses what is broken" refused "$t/broken"

start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
ok "the example builds" gcc -std=c99 -Wall -Wextra -Werror $quick -g -I. -o "$t/metrics" examples/metrics.c -lcurl
for scrape_port in 19101 19247 19389 19521; do # the first that nobody has
    OPENAI_API_KEY=canary-6f1d OPENAI_BASE_URL="$base/v1" "$t/metrics" openai:gpt-4o-mini $scrape_port 2 >"$t/said" 2>&1 &
    example=$!
    sleep 0.5
    kill -0 $example 2>/dev/null && break
done
scrape() { curl -fs --max-time 5 "http://127.0.0.1:$scrape_port/metrics" >"$t/page"; }
counted() { # within 10 seconds
    for _ in $(seq 100); do
        scrape && grep -q '^llm_requests_total{provider="openai",model="gpt-4o-mini",operation="chat",status="ok"} 1$' "$t/page" && return 0
        sleep 0.1
    done
    cat "$t/said" "$t/page"
    return 1
}
ok "the example serves its counts" counted
ok "the example's page: promtool" good "$t/page"
ok "no key in the page" sh -c "! grep -q canary-6f1d '$t/page'"
kill $example 2>/dev/null
total
