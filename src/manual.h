/* llmfactory.h - one header that talks to any large language model.            version 0.1.0, MIT-0 (no attribution needed)

   DO THIS
     In one C or C++ file, before other includes:
         #define LLMFACTORY_IMPLEMENTATION
         #include "llmfactory.h"
     everywhere else only the include. Then:  cc -std=c99 hello.c -lcurl

   A COMPLETE PROGRAM
         #define LLMFACTORY_IMPLEMENTATION
         #include "llmfactory.h"
         #include <stdio.h>

         int main(void) {
             llmf_error err;
             llmf_event ev;
             llmf_factory *f = llmf_open(NULL, &err);
             llmf_model m = llmf_get(f, "openai:gpt-4o-mini", &err);
             llmf_request req = {0};
             llmf_call c;
             if (!m.id) return fprintf(stderr, "%s\n", err.text), 1;
             req.prompt = "Say hi in three languages.";
             req.stream = true;
             c = llmf_start(f, m, &req);
             while (llmf_poll(f, -1) >= 0 && c.id) {
                 while (llmf_next(f, c, &ev)) {
                     if (ev.type == LLMF_EVENT_TEXT) fwrite(ev.text.ptr, 1, ev.text.len, stdout);
                     if (ev.type == LLMF_EVENT_ERROR) fprintf(stderr, "%s\n", ev.response->error.text);
                     if (ev.response) c.id = 0;
                 }
                 fflush(stdout);
             }
             llmf_close(f);
             return 0;
         }
     The key is read from OPENAI_API_KEY. "ollama:llama3.2" needs none, "anthropic:claude-sonnet-5" wants ANTHROPIC_API_KEY, and so on;
     a config file gives such things names of your own ("fast", "smart") and may redirect them later, without a new build.

   HOW IT WORKS
     A factory holds everything: config, connections, one block of memory. A name gives a model handle (llmf_get), a model and a request
     give a call (llmf_start). llmf_poll is the only engine: nothing happens outside of it, there is no thread (but see THREADS) and no hidden state.
     Three faces of the same machine, in the same program if you like:
       llmf_poll + llmf_next    pull events when it suits you: a game loop calls llmf_poll(f, 0) once a frame
       llmf_request.on_event    events pushed to a callback, which runs inside llmf_poll and may say LLMF_STOP
       llmf_generate            blocks until the answer is there
     Each call ends in exactly one final event, DONE or ERROR, with a llmf_response: text, reasoning, tool calls, why it stopped, tokens,
     cost. After an error it holds what had arrived. llmf_cancel works at any byte and closes the connection.

   BESIDE CHATS  llmf_request.op and llmf_request.input, in the same call; llmf_response.output has what came
     LLMF_OP_EMBED          vectors of any number of texts, in batches, into floats of yours or kept with the call
     LLMF_OP_TRANSCRIBE     the text of an audio file, which is read while it is sent; segments where the model has them
     LLMF_OP_COUNT_TOKENS   what the provider would count in a chat
     LLMF_OP_LIST_MODELS    the provider's models, a page at a time
     A provider that has not got it says LLMF_ERR_UNSUPPORTED, with the names of those that have.

   PROVIDERS    A row of models.def each: OpenAI (both of its APIs), Anthropic, Gemini and Vertex, Bedrock, Azure, Ollama, Cohere, Hugging Face, and hosts that speak
                OpenAI's dialect. The key is in <NAME>_API_KEY, or the variable that the provider's documentation names. Bedrock signs with AWS_ACCESS_KEY_ID and
                AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION), or sends AWS_BEARER_TOKEN_BEDROCK. docs/ADDING-A-PROVIDER.md adds one.

   WHAT IT DOES NOT DO
     It fetches nothing at start-up but what the config names. What a model writes it checks only in llmf_start_json and llmf_json_check.
     It has no tokeniser's ranks: it counts tokens exactly with a file of yours, else about (LLMF_OP_COUNT_TOKENS asks the provider). A cut stream is an error here, never a short answer.

   HOW TO LINK
     default            -lcurl              every provider over HTTPS; plain http goes over our own sockets
     LLMF_WITH_BEARSSL=1  -lbearssl         TLS 1.2 on our own sockets, for small or static programs; with LLMF_NO_CURL=1 it serves https, else set
                                            llmf_desc.transport = "socket". See TLS below
     LLMF_NO_CURL=1     nothing             http only (Ollama, llama.cpp, a proxy), or your own transport:
                                            llmf_desc.custom_transport (an engine's HTTP), llmf_desc.custom_stream (a TLS library, a UART)
     LLMF_NO_MALLOC=1, LLMF_NO_GETADDRINFO=1   for small static programs: the block and addresses are llmf_desc's. examples/minimal is one
     LLMF_NO_STDLIB=1   no C library       a microcontroller: memory, clock and transport are llmf_desc's; -ffreestanding. examples/device is one
     Windows            -lws2_32            with mingw-w64; add -lcurl as above. A factory calls WSAStartup when it opens and WSACleanup when it closes;
                                            include this header before windows.h, or define WIN32_LEAN_AND_MEAN
     -std=c99 hides POSIX: include this header first in the implementation file, or compile with -D_DEFAULT_SOURCE or -std=gnu99.

   NAMES, in the order in which they are looked up
     a key of the config ("fast") · a model of the table ("gpt-4o") · provider:model ("groq:any-id"), where the provider is known
     ("local" is ollama, "claude" anthropic) · the default provider's model of that name. What is unknown is an error with the nearest names.

   CONFIG: llmf_desc.config names a file, or a directory with one file per model; YAML (a subset) or JSON
         fast:   {provider: openai, model_id: gpt-4o-mini, temperature: 0.2}
         local:  {provider: ollama, model_id: "llama3.2", base_url: "${OLLAMA:-http://localhost:11434}"}
     under `models:`; `providers:` adds hosts. Every mistake is told as file:line:column with the nearest known key.
     `plugins: {acme: {path: plugins/acme.so, sha256: "…"}}` loads hosts and dialects from a shared object (LLMF_WITH_PLUGINS=1; see "What a plugin is made of").
     Amazon Bedrock wants region_name (or AWS_REGION) and a bearer key, or a pair to sign with: aws_access_key_id and aws_secret_access_key, or
     aws_profile, in the config; else AWS_ACCESS_KEY_ID and its like, ~/.aws, the container's endpoint, the instance's metadata service.

   BUDGETS AND ROUTES: see llmf_budget and llmf_route
     `budgets: {day_usd: 5, models: {smart: 2}}` refuses a call that might cost more than is left, before it is sent. `routes: {chat: {candidates: [fast, smart]}}` makes
     "chat" a name that stands for the cheaper of the two that can serve, or by another rule.

   PROMPTS AND CHAINS: see llmf_render and llmf_start_chain
     `prompts: {greet: "Say hello to {{name}} in {{lang:English}}"}` stands in the config, or in code; llmf_render makes a request of it. `chains:` puts prompts one behind
     the other, the answer of one in the text of the next, as one call.

   RUNS: see llmf_run
     A model and the C functions that it may call, as one call: llmf_run asks, calls them, gives their results back, until the model is done. They run inside llmf_poll; one
     that cannot answer at once says so, and llmf_tool_done answers in a later frame. With LLMF_WITH_MCP=1 the tools of an MCP server are such functions: llmf_mcp_open.

   TOKENS: see llmf_count_tokens and llmf_tokens_open
     llmf_count_tokens says what a request counts, before it is sent: to the token for models of OpenAI whose rank file stands in llmf_desc.ranks, else about. Budgets, routes
     and limits take what is exact. llmf_tokens_open encodes and decodes without a factory.

   STRUCTURED ANSWERS: see llmf_start_json, llmf_json_check, llmf_json_feed
     llmf_start_json asks for JSON that keeps to a JSON Schema, takes it out of the answer, mends it where that is safe, checks it, and asks again with what is wrong.
     llmf_json_feed fills a struct of yours from a table of its members while the answer comes; llmf_json_schema makes the schema from the same table. llmf_text_each walks
     through XML elements, Markdown's sections, fences and tables, and CSV.

   OPTIONS are values, set before the include or by -D (all of them: see "Every option" below, or src/options.h)
     LLMF_NO_X=1                leaves provider, transport or feature X out
     LLMF_ONLY=1 LLMF_WITH_X=1  leaves everything out but what is named
     LLMF_NO_MODELS=1           drops the table of models (prices, limits)
     LLMF_NO_EMBED=1, LLMF_NO_TRANSCRIBE=1, LLMF_NO_COUNT=1, LLMF_NO_LIST=1   drop the operations besides chats
     LLMF_NO_BUDGETS=1, LLMF_NO_ROUTES=1   drop budgets of money, and routes
     LLMF_NO_PROMPTS=1, LLMF_NO_RUN=1   drop prompts with holes and chains of them, and runs
     LLMF_NO_BATCH=1, LLMF_NO_FIT=1   drop llmf_start_batch (many requests, a few at a time), and what cuts, saves and loads conversations
     LLMF_NO_JOBS=1                   drops llmf_start_job (batches that the provider itself runs)
     LLMF_NO_TOKENS=1           drops what counts tokens here: 21 KB, of which 9 are tables
     LLMF_NO_STRUCTURED=1       drops answers that keep to a schema
     LLMF_STATIC=1              all functions static: two versions can live in one program

   THREADS      A factory belongs to one thread at a time; several factories are independent. llmf_wakeup alone may cross threads. None is started but for
                look-ups of hosts, with LLMF_WITH_DNS_THREADS=1: they run no code of yours, take no signals, and one that hangs outlives its factory.
                (libcurl's global init is done once at the first open: set llmf_desc.no_global_init if your program does it.)
                After fork() one of the two processes may go on with a factory; the other must leave it alone, and not even close it.
   MEMORY       One block, yours or allocated once at open (llmf_desc.memory, memory_size); nothing is allocated after. libcurl allocates for
                itself. When the block is used up a call ends with LLMF_ERR_MEMORY and all others go on. llmf_memory() shows the high-water mark.
   LIFETIMES    llmf_start copies texts; image, audio and file bytes are borrowed until the final event. Texts of an event live until
                the next llmf_next on that call; a response until llmf_free or llmf_release; a handle until llmf_close.
   FRAMES       With llmf_desc.slice_us set, llmf_poll(f, 0) ends within the slice plus one event (over curl: plus one descriptor). What cannot be
                sliced: a TLS handshake step and a redirected proxy handshake inside libcurl, libcurl's own threaded resolver start, and
                getaddrinfo of the socket transport, which blocks for a look-up: build with LLMF_WITH_DNS_THREADS=1, which gives it a thread; or set
                llmf_desc.resolve, which may say "not yet"; or name an address. With BearSSL: see TLS.
   TLS          libcurl's library does it as it is set up. BearSSL (LLMF_WITH_BEARSSL=1) is TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, and nothing
                else: a server of TLS 1.3 only is refused. A certificate needs the host in subjectAltName (an address as an address; a star stands for one label,
                before two others or more: the list of public suffixes is not asked), SHA-256 or better, RSA of 2048 bits or an EC curve, no name constraints.
                Nobody asks for revocation; llmf_desc.pinned_keys says which keys alone are good. A reply without a length whose connection ends without a TLS goodbye is TRUNCATED. Sessions are resumed for an
                hour, the last eight hosts' of a factory. Roots: ca_pem, else ca_file, else those built in (LLMF_WITH_ROOTS=1: 20 roots, 7 KB), else the
                system's bundle, read and parsed at the first https connection (half a millisecond, 90 KB of the block). Memory: 4 KB a connection,
                8 more while its certificate is checked, up to 36 more while a record is there in part, and 32 for all of them together. With slice_us a
                handshake goes on a piece at a time. What cannot be split is a signature (2 million instructions with RSA-2048, 13 with RSA-4096, 10 with P-256,
                55 with P-384: that many tenths of a millisecond on a PC), the agreement on a secret (10) and, once, reading the roots (5). A resumed one has none of it.
   SEEING IT    With llmf_desc.metrics, llmf_metrics writes what Prometheus scrapes; llmf_desc.span is told of each call and attempt in OpenTelemetry's words for
                generative AI; llmf_provider_status tells of the primary provider and its fallbacks. Neither prompts nor keys are in any of them.
   SECRETS      Keys go into one header, never into a URL, a log, an error or a preview; that header is wiped when the call is freed. TLS is
                verified; redirects are not followed.

   CONTENTS: small types · opening and closing · models · requests · calls · budgets and routes · seeing it · answers kept, and filters · prompts and chains · runs · many requests, long conversations · tokens · structured answers · other event loops · what would be sent · config without a factory ·
   JSON as it comes · transports of one's own · replay · providers of one's own · plugins · MCP servers · (with LLMFACTORY_IMPLEMENTATION:) every option · base ·
   wire · providers · net · factory · engine · tasks */
