/* What a run needs of MCP servers (Model Context Protocol, revision 2025-06-18). With LLMF_WITH_MCP=1 in each file that speaks of it:

     llmf_mcp_desc desc = {0};
     const char *command[] = {"mcp-server-files", "/srv/docs", NULL};
     desc.command = command;
     llmf_mcp *m = llmf_mcp_open(f, &desc, &err);
     run.functions = llmf_mcp_functions(m, &run.function_count);    // copy several servers' into one array, with functions of your own
     … llmf_run …
     llmf_mcp_close(m);

   llmf_mcp_desc       command: a program and its arguments, NULL behind the last, found by PATH: it is started, and spoken to over its standard input and output; its errors go
                       where the program's go (POSIX). Or url: of a server over "streamable HTTP", by the factory's transports; token: goes with it as a bearer, over http:// in the clear (NULL: none).
                       timeout_ms: of each answer, 0: 30,000. All is copied.
   llmf_mcp_open       Starts it, asks for its tools and waits for them, serving all calls meanwhile. NULL with *err (NULL: llmf_last_error tells): LLMF_ERR_ARGUMENT, it cannot be
                       started (CONFIG), it does not answer (TIMEOUT, NETWORK), answers something else (PROTOCOL), or says no (its words are in err->text). Not in a callback.
   llmf_mcp_functions  Its tools, for llmf_run_desc.functions; they live until llmf_mcp_close. Each is called as a function that says LLMF_TOOL_PENDING; the server's text is the result,
                       "[image]" and the like stand for what is no text. What the server says is wrong is told to the model as an error. One whose server has gone fails.
   llmf_mcp_close      Ends it, after the runs that use it; llmf_close does it too. A program has a fifth of a second to end by itself. NULL is nothing.
   Only tools are used: no resources, prompts, sampling, roots; no list that changes; no stream that a server opens by itself. All of it belongs to the factory's thread. */
#if defined(LLMF_WITH_MCP) && LLMF_WITH_MCP && !defined(LLMFI_MCP_API_H)
#define LLMFI_MCP_API_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct llmf_mcp llmf_mcp;
typedef struct llmf_mcp_desc { const char *const *command; const char *url, *token; int64_t timeout_ms; } llmf_mcp_desc;
LLMF_API llmf_mcp *llmf_mcp_open_abi(llmf_factory *f, const llmf_mcp_desc *desc, size_t desc_size, llmf_error *err);
static inline llmf_mcp *llmf_mcp_open(llmf_factory *f, const llmf_mcp_desc *desc, llmf_error *err) { return llmf_mcp_open_abi(f, desc, sizeof *desc, err); }
LLMF_API const llmf_function *llmf_mcp_functions(const llmf_mcp *m, size_t *count);
LLMF_API void llmf_mcp_close(llmf_mcp *m);
#ifdef __cplusplus
}
#endif
#endif
