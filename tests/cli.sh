#!/bin/sh
# The command llmf from outside: its JSON, its exit statuses, its messages.
. tests/lib.sh
L=build/llmf
start_server
[ "$word" = ready ] || { echo "FAILED: the loopback server did not start"; exit 1; }
export OPENAI_API_KEY=canary-6f1d-openai ANTHROPIC_API_KEY=canary-6f1d-anthropic COHERE_API_KEY=canary-6f1d-cohere AZURE_OPENAI_API_KEY=canary-6f1d-azure HF_TOKEN=canary-6f1d-hf
json() { # EXPRESSION of the parsed stdin, as `d`
    python3 -c 'import json,sys; lines=[json.loads(l) for l in sys.stdin if l.strip()]; d=lines[0] if len(lines)==1 else lines; sys.exit(0 if ('"$1"') else 1)'
}
call() { # REQUEST EXPRESSION [llmf arguments]: the Response satisfies the expression
    request=$1 expression=$2
    shift 2
    printf '%s' "$request" | $L "$@" >"$t/answer" 2>"$t/err"
    status=$?
    json "$expression" <"$t/answer" || { echo "status $status"; cat "$t/answer" "$t/err"; return 1; }
}
status_is() { # STATUS COMMAND...
    want=$1
    shift
    "$@" >"$t/said" 2>&1 </dev/null
    [ $? -eq "$want" ] || { cat "$t/said"; return 1; }
}
cat >"$t/routes.yaml" <<'Y'
models:
  small: {provider: openai, model_id: gpt-4o-mini, quality: 0.4}
  large: {provider: openai, model_id: gpt-4o, quality: 0.8}
routes:
  chat: {rule: quality, candidates: [small, large]}
  poor: {candidates: [small], budget_usd: 0}
budgets: {day_usd: 0.015, alerts: [0.5]}
Y
ok "a route is a model's name" call '{"model":"chat","prompt":"echo: hello","max_tokens":9}' 'd["ok"] and d["model"]=="large" and d["cost_usd"]>0' --config "$t/routes.yaml" --base-url "$base/v1" call
ok "a budget refuses a call" call '{"model":"chat","prompt":"echo: hello","max_tokens":2000}' 'not d["ok"] and d["error"]["code"]=="budget" and "budgets.day_usd" in d["error"]["message"]' --config "$t/routes.yaml" --base-url "$base/v1" call
ok "a route without room says why" call '{"model":"poor","prompt":"x"}' 'not d["ok"] and d["error"]["code"]=="all_failed" and "the budget of the route poor" in d["error"]["message"]' --config "$t/routes.yaml" --base-url "$base/v1" call
ok "check takes routes and budgets" status_is 0 $L check "$t/routes.yaml"
sed 's/rule: quality/rule: qualty/; s/day_usd/dayusd/' "$t/routes.yaml" >"$t/wrong.yaml"
ok "check finds what is wrong in them" sh -c "! $L check '$t/wrong.yaml' 2>'$t/err' && grep -q 'wrong.yaml:5:16: error: rule must be .* did you mean quality?' '$t/err' && grep -q 'wrong.yaml:7:11: error: unknown key of budgets dayusd; did you mean day_usd?' '$t/err'"
for p in openai:gpt-4o-mini openai_responses:gpt-4o-mini anthropic:claude-sonnet-5 ollama:llama3.2 cohere:command-a-03-2025; do
    case $p in openai*) url=$base/v1 ;; *) url=$base ;; esac
    dialect=${p%%:*}
    ok "$dialect: call" call '{"model":"'$p'","prompt":"echo: hello there"}' 'd["ok"] and "hello there" in d["text"] and d["finish_reason"]=="stop" and d["usage"]["input_tokens"]>0 and len(d["attempts"])==1' --base-url "$url" call
    ok "$dialect: call --stream ends in done" call '{"model":"'$p'","prompt":"echo: hello there"}' 'd[-1]["type"]=="done" and "".join(e["text"] for e in d if e["type"]=="text")==d[-1]["response"]["text"] and sum(e["type"]=="done" for e in d)==1' --base-url "$url" call --stream
    ok "$dialect: tools" call '{"model":"'$p'","prompt":"call weather {\"city\":\"Oslo\"}","tools":[{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}' \
        'd["finish_reason"]=="tool_calls" and d["tool_calls"][0]["name"]=="weather" and d["tool_calls"][0]["arguments"]=={"city":"Oslo"} and d["tool_calls"][0]["id"]' --base-url "$url" call
    ok "$dialect: tools streamed" call '{"model":"'$p'","prompt":"call weather {\"city\":\"Oslo\"}","tools":[{"name":"weather","parameters":{"type":"object"}}]}' \
        '[e for e in d if e["type"]=="tool_call"][0]["arguments"]=={"city":"Oslo"} and [e for e in d if e["type"]=="tool_call_start"][0]["name"]=="weather"' --base-url "$url" call --stream
    ok "$dialect: an error status" call '{"model":"'$p'","prompt":"x"}' 'not d["ok"] and d["error"]["code"]=="rate_limit" and d["error"]["http_status"]==429 and d["error"]["retry_after_ms"]==1000' --base-url "$(echo "$url" | sed "s|$base|$base/x-status-429|")" call
    ok "$dialect: a cut stream" call '{"model":"'$p'","prompt":"x"}' 'lines[-1]["type"]=="error" and lines[-1]["error"]["code"]=="truncated"' --base-url "$(echo "$url" | sed "s|$base|$base/x-cut-300|")" call --stream
    ok "$dialect: the request is shown with its key blotted out" call '{"model":"'$p'","prompt":"hi","max_tokens":5}' '"canary" not in json.dumps(d) and d["method"]=="POST" and d["body"]["model"]=="'${p#*:}'"' --base-url "$url" request
done
for how in ":$base" ":$base/openai/v1" "2024-10-21:$base" "2024-10-21:$base/openai/deployments/gpt-4o-dep" "2024-05-01-preview:$base/models"; do
    export AZURE_OPENAI_API_VERSION="${how%%:*}"
    ok "azure at ${how#*:} with version ${how%%:*}" call '{"model":"azure:gpt-4o-dep","prompt":"echo: hello there"}' 'lines[-1]["type"]=="done" and lines[-1]["response"]["text"]=="echo: hello there" and lines[-1]["response"]["usage"]["input_tokens"]>0' --base-url "${how#*:}" call --stream
    ok "azure blocks a prompt at ${how#*:}" call '{"model":"azure:gpt-4o-dep","prompt":"blockme"}' 'd["error"]["code"]=="content_filter" and d["error"]["http_status"]==400' --base-url "${how#*:}" call
done
unset AZURE_OPENAI_API_VERSION
ok "azure filters an answer" call '{"model":"azure:gpt-4o-dep","prompt":"hi"}' 'd["ok"] and d["text"]=="" and d["finish_reason"]=="content_filter"' --base-url "$base/x-finish-content_filter" call
ok "azure by its resource" env AZURE_RESOURCE_NAME=res sh -c "echo '{\"model\":\"azure:d\",\"prompt\":\"x\"}' | $L request | grep -q '\"https://res.openai.azure.com/openai/v1/chat/completions\".*\"api-key\":\"REDACTED\"'"
ok "huggingface by its row" sh -c "echo '{\"model\":\"hf:openai/gpt-oss-120b:cheapest\",\"prompt\":\"x\"}' | $L request | grep -q '\"https://router.huggingface.co/v1/chat/completions\".*\"model\":\"openai/gpt-oss-120b:cheapest\"'"
ok "huggingface: call --stream" call '{"model":"hf:openai/gpt-oss-120b","prompt":"echo: hello there"}' 'd[-1]["type"]=="done" and d[-1]["response"]["provider"]=="huggingface" and d[-1]["response"]["text"]=="echo: hello there"' --base-url "$base/v1" call --stream
signed() { # COMMAND...: with the AWS keys that the test server knows
    (export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_REGION=us-east-1 && "$@")
}
b=bedrock:us.anthropic.claude-sonnet-4-20250514-v1:0
tool='"tools":[{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]'
ok "bedrock: call" signed call '{"model":"'$b'","prompt":"echo: hello there"}' 'd["ok"] and d["text"]=="echo: hello there" and d["finish_reason"]=="stop" and d["usage"]["input_tokens"]>0 and d["request_id"]' --base-url "$base" call
ok "bedrock: a longer path and a query are signed too" signed call '{"model":"'$b'","prompt":"echo: hello there"}' 'd["ok"]' --base-url "$base/a%20b/c:d?a=2&z=1" call
ok "bedrock: call --stream ends in done" signed call '{"model":"'$b'","prompt":"echo: hello there"}' 'd[-1]["type"]=="done" and d[-1]["response"]["text"]=="echo: hello there" and "".join(e["text"] for e in d if e["type"]=="text")=="echo: hello there"' --base-url "$base" call --stream
ok "bedrock: tools" signed call '{"model":"'$b'","prompt":"call weather {\"city\":\"Oslo\"}",'"$tool"'}' 'd["finish_reason"]=="tool_calls" and d["tool_calls"][0]["arguments"]=={"city":"Oslo"}' --base-url "$base" call
ok "bedrock: tools streamed" signed call '{"model":"'$b'","prompt":"call weather {\"city\":\"Oslo\"}",'"$tool"'}' '[e for e in d if e["type"]=="tool_call"][0]["arguments"]=={"city":"Oslo"}' --base-url "$base" call --stream
ok "bedrock: a schema" signed call '{"model":"'$b'","prompt":"hi","format":{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"]}}' '"answer" in json.loads(d["text"])' --base-url "$base" call
ok "bedrock: an image and a document" signed call '{"model":"'$b'","messages":[{"role":"user","content":[{"type":"text","text":"echo: x"},{"type":"image","media_type":"image/png","data":"iVBORw0KGgo="},{"type":"file","media_type":"text/plain","name":"a_b.txt","data":"YWJj"}]}]}' \
    'd["text"]=="saw 1 image(s). echo: x"' --base-url "$base" call
ok "bedrock: an error status" signed call '{"model":"'$b'","prompt":"x"}' 'd["error"]["code"]=="rate_limit" and d["error"]["http_status"]==429 and d["error"]["provider_code"]=="ThrottlingException" and d["error"]["retry_after_ms"]==1000' --base-url "$base/x-status-429" call
ok "bedrock: a cut stream" signed call '{"model":"'$b'","prompt":"x"}' 'lines[-1]["type"]=="error" and lines[-1]["error"]["code"]=="truncated"' --base-url "$base/x-cut-300" call --stream
ok "bedrock: an exception in the stream" signed call '{"model":"'$b'","prompt":"x"}' 'lines[-1]["error"]["code"]=="server" and lines[-1]["error"]["http_status"]==200 and lines[-1]["error"]["provider_code"]=="internalServerException" and lines[-1]["response"]["text"]' --base-url "$base/x-error-in-200" call --stream
ok "bedrock: bytes that are no frame" signed call '{"model":"'$b'","prompt":"x"}' 'lines[-1]["error"]["code"]=="protocol"' --base-url "$base/x-bad-json" call --stream
ok "bedrock: a wrong model" signed call '{"model":"bedrock:does-not-exist","prompt":"x"}' 'd["error"]["code"]=="not_found"' --base-url "$base" call
ok "bedrock: a session token" env AWS_ACCESS_KEY_ID=ASIAEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_SESSION_TOKEN=session AWS_REGION=eu-west-1 sh -c "echo '{\"model\":\"$b\",\"prompt\":\"hi\"}' | $L --base-url $base call"
AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=canary-6f1d-aws AWS_REGION=us-east-1 \
    ok "bedrock: a wrong secret" call '{"model":"'$b'","prompt":"x"}' 'd["error"]["code"]=="auth" and d["error"]["http_status"]==403 and "canary" not in json.dumps(d)' --base-url "$base" call
AWS_BEARER_TOKEN_BEDROCK=canary-6f1d-bearer AWS_REGION=us-east-1 ok "bedrock: a bearer key" call '{"model":"'$b'","prompt":"echo: y"}' 'd["text"]=="echo: y"' --base-url "$base" call
AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true ok "bedrock: no keys" call '{"model":"'$b'","prompt":"x"}' 'd["error"]["code"]=="auth" and "AWS_ACCESS_KEY_ID" in d["error"]["message"]' --base-url "$base" call
AWS_REGION=us-east-1 AWS_CONTAINER_CREDENTIALS_FULL_URI=$base/container/credentials AWS_CONTAINER_AUTHORIZATION_TOKEN="loopback container" \
    ok "bedrock: keys of a container" call '{"model":"'$b'","prompt":"echo: y"}' 'd["text"]=="echo: y"' --base-url "$base" call
AWS_EC2_METADATA_DISABLED= AWS_REGION=us-east-1 AWS_EC2_METADATA_SERVICE_ENDPOINT=$base/ ok "bedrock: keys of an instance" call '{"model":"'$b'","prompt":"echo: y"}' 'lines[-1]["response"]["text"]=="echo: y"' --base-url "$base" call --stream
AWS_REGION=us-east-1 AWS_CONTAINER_CREDENTIALS_FULL_URI=$base/container/credentials \
    ok "bedrock: a container that refuses" call '{"model":"'$b'","prompt":"x"}' 'd["error"]["code"]=="auth" and "container" in d["error"]["message"]' --base-url "$base" call
AWS_EC2_METADATA_DISABLED= AWS_REGION=us-east-1 AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9 ok "bedrock: no instance" call '{"model":"'$b'","prompt":"x"}' 'd["error"]["code"]=="auth" and "no metadata service" in d["error"]["message"]' --base-url "$base" call
printf '[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n[work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n' >"$t/credentials"
AWS_REGION=us-east-1 AWS_SHARED_CREDENTIALS_FILE=$t/credentials AWS_PROFILE=work ok "bedrock: keys of a profile" call '{"model":"'$b'","prompt":"echo: y"}' 'd["text"]=="echo: y"' --base-url "$base" call
printf 'models:\n  m: {provider: bedrock, model_id: x, region_name: us-east-1, aws_profile: work}\n' >"$t/profile.yaml"
AWS_ACCESS_KEY_ID=other AWS_SECRET_ACCESS_KEY=other AWS_SHARED_CREDENTIALS_FILE=$t/credentials \
    ok "bedrock: a profile that the config names" call '{"model":"m","prompt":"echo: y"}' 'd["text"]=="echo: y"' --config "$t/profile.yaml" --base-url "$base" call
AWS_ACCESS_KEY_ID=ASIAEXAMPLE AWS_SECRET_ACCESS_KEY=canary-6f1d-aws AWS_SESSION_TOKEN=canary-6f1d-token AWS_REGION=us-east-1 \
    ok "bedrock: the request is shown with its keys blotted out" call '{"model":"'$b'","prompt":"hi"}' '"canary" not in json.dumps(d) and d["headers"]["Authorization"]=="REDACTED" and d["headers"]["X-Amz-Security-Token"]=="REDACTED" and d["url"]=="https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"' request
back() { # MODEL [PATH [REASONING]]: what the model thought or planned goes back as it came; changed it is refused
    python3 - "$L" "$base${2:-}" "$1" "${3:-}" <<'P'
import json, subprocess, sys
llmf, base, model, reasoning = sys.argv[1:]
def call(messages):
    req = {"model": model, "messages": messages, "tools": [{"name": "weather", "parameters": {"type": "object", "properties": {}}}]}
    if reasoning:
        req["reasoning"] = reasoning
    out = subprocess.run([llmf, "--base-url", base, "call", "--stream"], input=json.dumps(req).encode(), stdout=subprocess.PIPE).stdout
    return json.loads(out.splitlines()[-1])["response"]
asked = [{"role": "user", "content": "call weather {}; weather {}"}]
r = call(asked)
turn = {"role": "assistant", "reasoning": r["reasoning"], "state": r["state"], "tool_calls": r["tool_calls"]}
results = [{"role": "tool", "tool_call_id": c["id"], "content": "cold"} for c in r["tool_calls"]]
good, changed = call(asked + [turn] + results), call(asked + [dict(turn, state=r["state"].replace("I ", "We ", 1))] + results)
sys.exit(not (good["text"] == "The tool said: cold\ncold" and changed["error"]["http_status"] == 400))
P
}
ok "cohere: a plan goes back" back cohere:command-a-03-2025
ok "openai_responses: sealed reasoning goes back" back openai_responses:gpt-5.5 /v1 low
ok "bedrock: reasoning goes back" signed back $b "" low
# ---- operations besides chat ----
export GEMINI_API_KEY=canary-6f1d-gemini MISTRAL_API_KEY=canary-6f1d-mistral XAI_API_KEY=canary-6f1d-xai
vectors() { # COUNT EXPRESSION llmf arguments...: the vectors of "text 0", "text 1"... are those that the server gives, to the last bit; then the expression holds
    python3 - "$L" "$@" <<'P'
import json, struct, subprocess, sys
llmf, count, expression, *args = sys.argv[1:]
texts = ["text %d" % i for i in range(int(count))]
out = subprocess.run([llmf] + args, input="\n".join(texts).encode(), stdout=subprocess.PIPE)
d = json.loads(out.stdout)
if out.returncode or "embeddings" not in d:
    sys.exit(str(d)[:500])
def number(text, k):
    h = 14695981039346656037 ^ k
    for b in text.encode():
        h = (h ^ b) * 1099511628211 % 2**64
    return float("%.4f" % struct.unpack("f", struct.pack("f", (h % 20001 - 10000) / 10000)))
single = lambda x: struct.pack("<f", x)
assert len(d["embeddings"]) == len(texts), len(d["embeddings"])
exact = [[single(x) for x in v] for v in d["embeddings"]] == [[single(number(t, k)) for k in range(len(d["embeddings"][0]))] for t in texts]
sys.exit(0 if exact and eval(expression) else "%s: %s" % (exact, str(d)[:500]))
P
}
printf 'RIFF\0\0\0\0WAVE and then some' >"$t/a.wav"
ok "openai: embed, base64" vectors 3 'len(d["embeddings"][0])==8 and d["usage"]=={"input_tokens":6} and d["cost_usd"]>0' --base-url "$base/v1" embed -m openai:text-embedding-3-small
ok "openai_responses: embed" vectors 3 'd["usage"]=={"input_tokens":6}' --base-url "$base/v1" embed -m openai_responses:text-embedding-3-small
ok "litellm: embed, as many dimensions as asked" vectors 3 'len(d["embeddings"][0])==5' --base-url "$base/x-no-auth/v1" embed -m litellm:text-embedding-3-small --dimensions 5
for how in ":$base" ":$base/openai/v1" "2024-10-21:$base"; do
    export AZURE_OPENAI_API_VERSION="${how%%:*}"
    ok "azure: embed at ${how#*:}" vectors 3 'd["usage"]=={"input_tokens":6}' --base-url "${how#*:}" embed -m azure:embedder
done
unset AZURE_OPENAI_API_VERSION
ok "cohere: embed" vectors 3 'd["usage"]=={"input_tokens":6}' --base-url "$base" embed -m cohere:embed-v4.0 --purpose query
ok "gemini: embed" vectors 3 'len(d["embeddings"][0])==4' --base-url "$base" embed -m gemini:gemini-embedding-001 --dimensions 4
ok "ollama: embed" vectors 3 'd["usage"]=={"input_tokens":6}' --base-url "$base" embed -m ollama:nomic-embed-text
ok "bedrock: embed by Titan, a text a request" signed vectors 3 'len(d["embeddings"][0])==256 and d["usage"]=={"input_tokens":6}' --base-url "$base" embed -m bedrock:amazon.titan-embed-text-v2:0 --dimensions 256
ok "bedrock: embed by Titan's first" signed vectors 2 'd["usage"]=={"input_tokens":4}' --base-url "$base" embed -m bedrock:amazon.titan-embed-text-v1
ok "bedrock: embed by Cohere's third" signed vectors 100 'len(d["embeddings"])==100' --base-url "$base" embed -m bedrock:cohere.embed-english-v3 --purpose query
ok "bedrock: embed by Cohere's fourth, of a region" signed vectors 3 'len(d["embeddings"][0])==4' --base-url "$base" embed -m bedrock:us.cohere.embed-v4:0 --dimensions 4
ok "1,000 texts in batches of 96" vectors 1000 'd["usage"]=={"input_tokens":2000}' --base-url "$base" embed -m cohere:embed-v4.0
ok "1,000 texts, one batch of which fails at first" vectors 1000 'd["usage"]=={"input_tokens":2000}' --base-url "$base/x-status-503/x-times-1" embed -m cohere:embed-v4.0
ok "a batch that fails again" status_is 1 $L --base-url "$base/x-status-503" embed -m cohere:embed-v4.0 one two
ok "embed of an argument" sh -c "$L --base-url $base/v1 embed -m openai:text-embedding-3-small hello | grep -q '^{\"model\":\"text-embedding-3-small\",\"embeddings\":\[\['"
ok "a provider without embeddings names those that have them" sh -c "$L --base-url $base embed -m anthropic:claude-sonnet-5 hello | grep -q '\"unsupported\".*these have:.* openai .*cohere'"
for m in openai:whisper-1 xai:grok-stt cohere:cohere-transcribe; do
    case $m in cohere*) url=$base ;; *) url=$base/v1 ;; esac
    ok "${m%%:*}: transcribe" sh -c "$L --base-url $url transcribe -m $m '$t/a.wav' | grep -qx 'heard 26 bytes of a.wav'"
done
ok "transcribe --json --segments" sh -c "$L --base-url $base/v1 transcribe -m openai:whisper-1 --json --segments --language en '$t/a.wav' | grep -q '\"text\":\"heard 26 bytes of a.wav\",\"language\":\"en\",\"duration\":3.5,\"segments\":\[{\"text\":\"heard'"
ok "transcribe what is not there" status_is 1 $L --base-url "$base/v1" transcribe -m openai:whisper-1 "$t/nothing.wav"
for m in anthropic:claude-sonnet-5 gemini:gemini-2.5-flash openai_responses:gpt-5; do
    case $m in openai*) url=$base/v1 ;; *) url=$base ;; esac
    ok "${m%%:*}: tokens --provider" sh -c "printf 'one two three' | $L --base-url $url tokens -m $m --provider | grep -qx '{\"tokens\":3,\"method\":\"provider\"}'"
done
ok "bedrock: tokens --provider" signed sh -c "printf 'one two three' | $L --base-url $base tokens -m bedrock:anthropic.claude-sonnet-5 --provider | grep -qx '{\"tokens\":3,\"method\":\"provider\"}'"
ok "request --op transcribe shows the parts of the form" call '{"model":"openai:whisper-1","audio":{"path":"'"$t"'/a.wav"},"language":"en"}' \
    'd["body"]=={"multipart":[{"name":"model","value":"whisper-1"},{"name":"language","value":"en"},{"name":"file","filename":"a.wav","media_type":"audio/wav","bytes":26}]}' request --op transcribe
ok "request --op embed" call '{"model":"openai:text-embedding-3-small","input":"hi"}' 'd["url"].endswith("/embeddings") and d["body"]=={"model":"text-embedding-3-small","input":["hi"],"encoding_format":"base64"}' request --op embed
ok "tokens: estimated without a file of ranks" sh -c "printf 'one two three' | $L tokens -m openai:gpt-4o | grep -qx '{\"tokens\":3,\"method\":\"estimate\"}'"
ranks="${LLMF_SHARED:-../shared}/corpora/tiktoken"
if [ -f "$ranks/o200k_base.tiktoken" ]; then
    ok "tokens: exact with one" sh -c "printf 'antidisestablishmentarianism' | $L tokens -m openai:gpt-4o --ranks $ranks/cl100k_base.tiktoken --ranks $ranks/o200k_base.tiktoken | grep -qx '{\"tokens\":6,\"method\":\"exact\"}'"
    ok "tokens: of a whole request" sh -c "echo '{\"model\":\"openai:gpt-4o\",\"prompt\":\"hi\"}' | $L tokens --request --ranks $ranks/o200k_base.tiktoken | grep -qx '{\"tokens\":8,\"method\":\"exact\"}'"
fi
ok "tokens: a file that is none is refused with its line" sh -c "! printf x | $L tokens -m openai:gpt-4o --ranks README.md >'$t/none' && grep -q 'README.md:1: ' '$t/none'"
ok "request --op count" call '{"model":"anthropic:claude-sonnet-5","prompt":"hi","max_tokens":9}' 'd["url"].endswith("/messages/count_tokens") and "max_tokens" not in d["body"]' request --op count
ok "request --op models" call '{"model":"gemini:x","page":"a"}' 'd["method"]=="GET" and d["url"].endswith("/models?pageSize=1000&pageToken=a") and d["body"] is None' request --op models
ok "unknown key of a Request" call '{"promt":"hi"}' 'd["error"]["code"]=="argument" and "promt" in d["error"]["message"]' call
ok "prompt and messages together" call '{"prompt":"hi","messages":[{"role":"user","content":"x"}]}' 'd["error"]["code"]=="argument"' call
ok "no JSON" call '{"prompt":' 'd["error"]["code"]=="argument" and "byte" in d["error"]["message"]' call
ok "unknown provider: the nearest name" call '{"model":"opnai:x","prompt":"hi"}' 'd["error"]["code"] in ("unknown_provider","unknown_model") and "openai" in d["error"]["message"]' call
ok "bedrock without a region" call '{"model":"bedrock:anthropic.claude-3-7-sonnet","prompt":"hi"}' 'd["error"]["code"]=="config" and "AWS_REGION" in d["error"]["message"]' call
ok "missing key names the variable" call '{"model":"groq:x","prompt":"hi"}' 'd["error"]["code"]=="auth" and "GROQ_API_KEY" in d["error"]["message"]' call
ok "status 1 for a failed call" status_is 1 sh -c "echo '{\"model\":\"groq:x\",\"prompt\":\"hi\"}' | $L call"
ok "status 2 for wrong usage" status_is 2 $L frobnicate
ok "status 2 without a command" status_is 2 $L
ok "--version" sh -c "$L --version | grep -q transports"
ok "chat prints the answer on stdout and a summary on stderr" sh -c "$L --base-url $base/v1 chat -m openai:gpt-4o-mini 'echo: one two' 2>'$t/sum' | grep -q 'one two' && grep -q 'gpt-4o-mini.*in, .*out' '$t/sum'"
ok "chat reads stdin" sh -c "echo 'echo: from stdin' | $L --base-url $base/v1 chat -m openai:gpt-4o-mini 2>/dev/null | grep -q 'from stdin'"
ok "chat --json with a schema" sh -c "$L --base-url $base/v1 chat -m openai:gpt-4o-mini --json '{\"type\":\"object\",\"properties\":{\"answer\":{\"type\":\"string\"}},\"required\":[\"answer\"],\"additionalProperties\":false}' 'hi' 2>/dev/null | python3 -c 'import json,sys; json.load(sys.stdin)[\"answer\"]'"
ok "chat fails with status 1 and a line" sh -c "$L --base-url $base/x-status-500/v1 chat -m openai:gpt-4o-mini hi >'$t/said' 2>&1; [ \$? -eq 1 ] && grep -q 'server' '$t/said'"
ok "timeout" call '{"model":"openai:gpt-4o-mini","prompt":"hi"}' 'd["error"]["code"]=="timeout"' --timeout 300 --base-url "$base/x-stall-0/v1" call
ok "models --json" sh -c "$L models --json | python3 -c 'import json,sys; d=json.load(sys.stdin); assert any(m[\"name\"].endswith(\"gpt-4o\") for m in d)'"
columns() {
    $L models --json >"$t/models" && python3 - "$t/models" <<'P'
import json, re, sys
models = {(m["provider"], m["model_id"]): m for m in json.load(open(sys.argv[1]))}
usd = "{}_token_cost_usd_per_million".format
m = models["openai", "gpt-5.6-luna"]
assert (m["context_window"], m["max_output_tokens"], m[usd("input")], m[usd("output")], m[usd("cache_read")], m[usd("cache_write")]) == (1050000, 128000, 0.2, 1.2, 0.02, 0.25), m
assert m["tiers"] == [{"above_input_tokens": 272000, usd("input"): 0.4, usd("output"): 1.8, usd("cache_read"): 0.04, usd("cache_write"): 0.5}], m
assert "reasoning" in m["capabilities"] and "no_sampling" in m["quirks"] and re.fullmatch(r"20\d\d-\d\d-\d\d", m["checked"]) and "ends" not in m, m
assert models["anthropic", "claude-sonnet-5"][usd("cache_write_1h")] == 4
assert any(len(m.get("tiers", [])) == 3 for m in models.values())
assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", m["ends"]) for m in models.values() if "ends" in m)
P
}
ok "models --json shows every column" columns
ok "providers --json" sh -c "$L providers --json | python3 -c 'import json,sys; d=json.load(sys.stdin); n={p[\"name\"]: p for p in d}; assert n[\"openai\"][\"has_key\"] and not n[\"groq\"][\"has_key\"] and not n[\"bedrock\"][\"available\"]'"
chain() {
    LLM_PRIMARY_PROVIDER=claude LLM_FALLBACK_PROVIDERS='groq openai:my-model' GROQ_API_KEY='' $L providers --json >"$t/said" && python3 - "$t/said" <<'P'
import json, sys
n = {p["name"]: p for p in json.load(open(sys.argv[1]))}
assert n["anthropic"]["current"] and n["anthropic"]["breaker"] == "closed" and "fallback" not in n["anthropic"], n["anthropic"]
assert n["groq"]["fallback"] == 1 and not n["groq"]["serving"] and not n["groq"]["current"], n["groq"]
assert n["openai"]["fallback"] == 2 and n["openai"]["model"] == "my-model" and "requests_left" not in n["openai"], n["openai"]
assert sum(p.get("serving", False) for p in n.values()) == 1
assert "serving" not in n["mistral"]
P
}
ok "providers --json tells of the chain" chain
ok "providers tells of the chain" sh -c "LLM_PROVIDER=openai LLM_FALLBACK_PROVIDERS=ollama $L providers >'$t/said' && grep -q '^openai .*ready (current)\$' '$t/said' && grep -q '^ollama .*ready (fallback 1)\$' '$t/said'"
printf 'models:\n  a: {provider: openai, model_id: gpt-4o, temprature: 1}\n  b: {provider: openai, model_id: x, temperature: 9}\n' >"$t/bad.yaml"
ok "check tells every problem with its place" sh -c "! $L check '$t/bad.yaml' >'$t/said' 2>&1 && grep -q 'bad.yaml:2:[0-9]*: error: .*temprature.*temperature' '$t/said' && grep -q 'bad.yaml:3:[0-9]*: error' '$t/said'"
ok "check of a good file" env DEMO_SERVER=http://localhost DEMO_KEY=x $L check examples/demo.yaml
ok "replay of what is no record" sh -c "echo '{}' >'$t/r.json'; ! $L replay '$t/r.json' >'$t/said' && grep -q argument '$t/said'"
leak() { ! grep -rqs canary-6f1d "$t/said" "$t/err" "$t/answer"; }
ok "no key in what was printed" leak

# ---- conversations that a program has saved ----

printf '{"llmf_conversation":1,"messages":[\n{"role":"user","content":"hello"}]}\n' >"$t/talk.json"
ok "call reads a saved conversation" sh -c "LLM_PROVIDER=mock $L call <'$t/talk.json' | grep -q 'You said: hello'"
ok "and refuses one of another version" sh -c "! sed 's/:1,/:2,/' '$t/talk.json' | LLM_PROVIDER=mock $L call >'$t/said' && grep -q 'another version' '$t/said'"

# ---- prompts and chains ----

cat >"$t/prompts.yaml" <<'Y'
models: {m: {provider: mock, model_id: x}}
prompts:
  greet: {system: "Be {{how:kind}}", user: "echo {{who}}", model: m}
chains:
  two: [{prompt: greet, as: a}, {text: "<{{a|json}}> {{previous}} {{more:}}", model: m}]
  json: [{text: "{{who}}", model: m, parse: json}, {text: "{{previous}}", model: m}]
Y
P="$L --config $t/prompts.yaml"
prints() { # WANT COMMAND...: exactly that on stdout, with status 0
    want=$1
    shift
    "$@" >"$t/said" 2>"$t/err" </dev/null && [ "$(cat "$t/said")" = "$want" ] || { cat "$t/said" "$t/err"; return 1; }
}
says_why() { # STATUS PATTERN COMMAND...: that status, and the pattern on stderr
    want=$1 pattern=$2
    shift 2
    "$@" >"$t/said" 2>"$t/err" </dev/null
    [ $? -eq "$want" ] && grep -qE "$pattern" "$t/err" || { cat "$t/said" "$t/err"; return 1; }
}
printf 'from a {{file}}' >"$t/value"
ok "chat --prompt" prints 'You said: echo you "x"={{y}}' $P chat --prompt greet --var 'who=you "x"={{y}}'
ok "chat --prompt: a file's text" prints 'You said: echo from a {{file}}' $P chat --prompt greet --var "who=@$t/value"
ok "chat --prompt: a text that begins with @" prints 'You said: echo @home' $P chat --prompt greet --var who=@@home
ok "chat --prompt: text of stdin" sh -c "[ \"\$(printf in | $P chat --prompt greet --var who=@- 2>/dev/null)\" = 'You said: echo in' ]"
ok "chat --prompt: -m goes before the prompt's model" says_why 0 '^\[other' $P chat -m mock:other --prompt greet --var who=x
ok "chat --prompt: a variable is missing" says_why 1 'argument: prompt greet, user \(.*prompts.yaml:3:.*\), line 1, column 6 of the text: the variable who is missing' $P chat --prompt greet
ok "chat --prompt: an unknown one" says_why 1 'unknown prompt gret; did you mean greet' $P chat --prompt gret
ok "chat --prompt: -s besides" says_why 1 'texts of its own' $P chat -s x --prompt greet --var who=x
ok "chat --prompt: a prompt besides" says_why 2 'the whole of what is said' $P chat --prompt greet hello
ok "chat --var without --prompt" says_why 2 'goes with' $P chat --var a=b hello
ok "chat --var without =" says_why 2 'NAME=TEXT' $P chat --prompt greet --var who
ok "chat --var of no file" says_why 2 'cannot read' $P chat --prompt greet --var who=@/no/such
A='{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}'
ok "chat --json SCHEMA: out of other words" prints '{"a":1}' $P chat -m m --json "$A" 'echo {"a":1} so'
ok "chat --json SCHEMA: mended" prints '{"a":1}' $P chat -m m --json "$A" "echo {'a': 1, /* c */}"
ok "chat --json SCHEMA: mended, told" grep -qx '\[the JSON was mended\]' "$t/err"
ok "chat --json SCHEMA: never right" says_why 1 '^llmf: schema: the answer does not keep to its schema; \(root\): ' $P chat -m m --json "$A" 'echo {"b":1}'
ok "chat --json SCHEMA: asked again" grep -q '^(root): lacks the member a]$' "$t/err"
ok "chat --json SCHEMA: what is not built in" says_why 1 'unsupported: JSON Schema, \(root\): unevaluatedItems is not built in' $P chat -m m --json '{"unevaluatedItems":true}' hi
ok "chain" prints 'You said: <"You said: echo me"> You said: echo me ' $P chain two --var who=me
ok "chain: its steps are told" grep -qx '\[step 1 has ended\]' "$t/err"
ok "chain --json" sh -c "$P chain two --var who=me --json | python3 -c 'import json,sys; d=json.load(sys.stdin); sys.exit(0 if d[\"ok\"] and len(d[\"attempts\"])==2 and d[\"text\"].endswith(\"me \") else 1)'"
ok "chain: an answer without JSON" says_why 1 'schema: chain json, step 1: the answer holds no JSON value' $P chain json --var who=x
ok "chain: an answer with JSON" prints 'You said: {"a":1}' $P chain json --var 'who={"a":1}'
ok "chain --json: a failure" sh -c "! $P chain json --json >'$t/said' && grep -q '\"ok\":false.*\"code\":\"argument\"' '$t/said'"
ok "chain: an unknown one" says_why 1 'unknown chain tow; did you mean two' $P chain tow
ok "chain without a name" says_why 2 'needs the name' $P chain
ok "check takes prompts and chains" status_is 0 $L check "$t/prompts.yaml"
sed 's/{{who}}", model: m}/{{who", model: m}/; s/prompt: greet, as/prompt: gret, as/' "$t/prompts.yaml" >"$t/wrong.yaml"
ok "check finds what is wrong in them" sh -c "! $L check '$t/wrong.yaml' 2>'$t/err' && grep -q 'wrong.yaml:3:44: error: user, line 1, column 6 of the text: {{ without' '$t/err' && grep -q 'wrong.yaml:5:18: error: unknown prompt gret; did you mean greet?' '$t/err'"
total
