#!/bin/sh
# The story of a deployed program (examples/deployed.c): default files lie beside it; one model's file and one provider, a plugin, are taken away there and put into S3,
# which parameters of SSM name; the provider's key is in Secrets Manager. The services are loopback servers, which check each signature.
. tests/lib.sh
start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
umask 022
mkdir -p build/plugins build/examples "$t/store/s3/config/models" "$t/store/s3/config/providers" "$t/models"
mkfifo "$t/acme" "$t/aws" "$t/commands"
python3 tests/plugin/server.py >"$t/acme" &
acme_pid=$!
python3 tests/aws/server.py --root "$t/store" --page 1 --seconds 120 >"$t/aws" &
aws_pid=$!
story_finish() { kill "$acme_pid" "$aws_pid" 2>/dev/null; finish; }
trap story_finish EXIT
read -r acme <"$t/acme"
read -r aws <"$t/aws"
control() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%s/_control" % sys.argv[1], sys.argv[2].encode(), method="POST")).read()' "$aws" "$1"; }
log() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen("http://127.0.0.1:%s/_log" % sys.argv[1]).read().decode())' "$aws"; }

ok "the plugin compiles" gcc -std=c99 -Wall -Wextra -Werror -I. -shared -fPIC -o build/plugins/acme.so examples/plugin/acme.c
ok "the program compiles" gcc -std=c99 -Wall -Wextra -Werror $quick -g -I. -o build/examples/deployed examples/deployed.c -lcurl
digest=$(sha256sum build/plugins/acme.so | cut -d' ' -f1)
printf 'provider: openai\nmodel_id: gpt-4o-mini\n' >"$t/models/fast.yaml"
printf 'provider: anthropic\nmodel_id: claude-sonnet-5\n' >"$t/models/smart.yaml"

# What was local and is no more.
cp build/plugins/acme.so "$t/store/s3/config/providers/acme.so"
printf 'plugins:\n  acme: {path: acme.so, sha256: "%s"}\nproviders:\n  acme: {base_url: "http://127.0.0.1:%s", api_key_secret_name: "prod/acme#key"}\n' "$digest" "$acme" >"$t/store/s3/config/providers/acme.yaml"
printf 'provider: acme\nmodel_id: small-1\ninput_token_cost_usd_per_million: 2\n' >"$t/store/s3/config/models/third.yaml"
printf '{"/LLM_CONFIG/MODELS_CONFIG_S3_PATH": "s3://config/models", "/LLM_CONFIG/PROVIDER_MODULES_S3_PATH": "s3://config/providers/"}' >"$t/store/ssm.json"
printf '{"prod/acme": "{\\"key\\": \\"acme-key\\", \\"owner\\": \\"ops\\"}"}' >"$t/store/secrets.json"

export AWS_ENDPOINT_URL="http://127.0.0.1:$aws" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=ASIAEXAMPLE AWS_SESSION_TOKEN=session
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
export OPENAI_API_KEY=loopback-key ANTHROPIC_API_KEY=loopback-key OPENAI_BASE_URL="$base/v1" ANTHROPIC_BASE_URL="$base"
rm -f build/deployed.copy
timeout 60 build/examples/deployed "$t/models" ssm: <"$t/commands" >"$t/said" 2>"$t/errors" &
program=$!
exec 3>"$t/commands"
say() { printf '%s\n' "$1" >&3; }
wait_for() { # PATTERN: until it has been said, ten seconds at most
    for _ in $(seq 100); do grep -qE "$1" "$t/said" && return 0; sleep 0.1; done
    cat "$t/said" "$t/errors"
    return 1
}
say models
say 'ask fast The ferry leaves at nine.'
say 'ask smart The ferry leaves at nine.'
say 'ask third The ferry leaves at nine.'
say 'price third'
ok "three models are found" wait_for '^third: 2\.00 USD'
ok "wherever they lie" sh -c "grep -q '^fast by openai' '$t/said' && grep -q '^smart by anthropic' '$t/said' && grep -q '^third by acme' '$t/said'"
ok "all three answer" sh -c "[ \$(grep -c '^(the' '$t/said') -eq 3 ]"
ok "the plugin answers, with the key out of Secrets Manager" grep -q '^guest: The ferry leaves at nine' "$t/said"
ok "a second get gives the same handle" sh -c "[ \$(grep -c 'the same handle each time' '$t/said') -eq 3 ]"
printf 'provider: acme\nmodel_id: small-1\ninput_token_cost_usd_per_million: 3.5\n' >"$t/store/s3/config/models/third.yaml"
say reload
say 'price third'
ok "a reload picks up a changed price" wait_for '^third: 3\.50 USD'
ok "and tells what has changed, and no more" sh -c "[ \"\$(grep '^changed' '$t/said')\" = 'changed: models.third' ]"
say 'ask third Still there?'
ok "the plugin still answers" wait_for 'Still there'
printf 'provider: acme\nmodel_id: small-1\ninput_token_cost_usd_per_million: cheap\n' >"$t/store/s3/config/models/third.yaml"
say reload
ok "a config that is wrong leaves the old one" wait_for 'kept the old config: s3://config/models/third.yaml:3:35: error'
printf 'provider: acme\nmodel_id: small-1\n' >"$t/store/s3/config/models/third.yaml"
control '{"fault": "throttle", "times": 3, "match": "third"}'
say reload
say 'price third'
ok "a source that throttles is asked again" wait_for 'the price of third is not known'
exec 3>&-
wait "$program"
ok "it ends well" test $? -eq 0
log >"$t/log"
ok "each request was signed right" sh -c "! grep -q SignatureDoesNotMatch '$t/log' && ! grep -qE '\"status\": (401|403)' '$t/log'"
ok "the plugin was fetched once" sh -c "[ \$(grep -o 'providers/acme.so\"' '$t/log' | wc -l) -eq 1 ]"
ok "the secret was asked for once" sh -c "[ \$(grep -o 'GetSecretValue' '$t/log' | wc -l) -ge 1 ]"

# Where AWS cannot be reached any more the last good copy is there; what is of a plugin must be fetched.
printf 'x' >>"$t/store/s3/config/providers/acme.so"
start() { printf "$1" | timeout 60 build/examples/deployed "$t/models" ssm: >"$t/said" 2>"$t/errors"; }
other() { ! start 'models\n' && grep -q 'sha256' "$t/errors"; }
ok "another plugin under the same name is refused" other
cp build/plugins/acme.so "$t/store/s3/config/providers/acme.so"
control '{"fault": "denied", "times": 100, "match": "GetParameter"}'
copy() { start 'models\nask third Hello there.\n' && grep -q 'using the copy of [0-9]* seconds ago: ssm:/LLM_CONFIG' "$t/errors" && grep -q '^guest: Hello there' "$t/said"; }
ok "without the parameters the last good copy serves, with a warning" copy
rm -f build/deployed.copy
none() { ! start 'models\n' && grep -q 'ssm:/LLM_CONFIG/' "$t/errors"; }
ok "without it the program says why it cannot start" none
ok "no key is in what is said" sh -c "! cat '$t/said' '$t/errors' | grep -qE 'acme-key|wJalrXUtn|loopback-key'"
total
